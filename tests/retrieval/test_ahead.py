"""Work one step ahead: the order of the results, what runs beside what, and what an error does."""

import threading

import pytest

from retrieval.ahead import PART, ahead, parts_of


@pytest.mark.parametrize("count", [0, 1, 2, 7])
def test_results_come_in_the_order_of_the_items(count: int) -> None:
    assert list(ahead(lambda item: item * item, range(count))) == [item * item for item in range(count)]


def test_the_next_item_is_worked_on_while_the_caller_has_this_one() -> None:
    begun = [threading.Event() for _ in range(3)]

    def work(item: int) -> int:
        begun[item].set()
        return item

    results = ahead(work, range(3))
    assert next(results) == 0
    assert begun[1].wait(timeout=30)
    assert not begun[2].is_set()
    assert list(results) == [1, 2]


def test_an_error_comes_where_the_result_would() -> None:
    def work(item: int) -> int:
        if item == 2:
            raise ValueError("two")
        return item

    results = ahead(work, range(4))
    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(ValueError, match="two"):
        next(results)


@pytest.mark.parametrize("count", [0, 1, PART, PART + 1, 5 * PART])
def test_parts_cover_all_questions_once(count: int) -> None:
    parts = parts_of(count)
    assert [item for part in parts for item in range(count)[part]] == list(range(count))
    assert all(part.stop - part.start == PART for part in parts)
