import threading
from collections.abc import Iterator
from contextlib import closing

import pytest

from kg.sources.ahead import ahead


def test_items_come_in_order_and_none_is_lost() -> None:
    assert list(ahead(iter(range(1000)), depth=1)) == list(range(1000))
    assert list(ahead(iter([None, None]))) == [None, None]


def test_an_error_is_raised_where_it_stands() -> None:
    def items() -> Iterator[int]:
        yield 1
        yield 2
        raise KeyError("three")

    got = []
    with pytest.raises(KeyError, match="three"):
        got.extend(ahead(items()))
    assert got == [1, 2]


def test_at_most_depth_items_wait_and_the_thread_ends_with_its_consumer() -> None:
    made: list[int] = []
    step = threading.Event()

    def items() -> Iterator[int]:
        for number in range(1000):
            made.append(number)
            if number == 4:
                step.set()
            yield number

    with closing(ahead(items(), depth=3)) as numbers:
        assert next(numbers) == 0
        assert step.wait(10)
        assert len(made) <= 6
    assert "ahead" not in [thread.name for thread in threading.enumerate()]
    assert len(made) <= 6
