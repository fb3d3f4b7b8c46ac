"""Work done one step ahead, in a thread: a model computes for the next questions without Python, beside the Python of
these."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")
PART = 32
"""Questions of one step."""


def ahead(work: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]:
    """`work` of each item, in order: that of the next one is done while the caller has the result of this one.

    What `work` raises is raised where its result would come.

    >>> list(ahead(str.upper, ["a", "b", "c"]))
    ['A', 'B', 'C']
    """
    if len(items) < 2:
        yield from map(work, items)
        return
    with ThreadPoolExecutor(1) as beside:
        coming = beside.submit(work, items[0])
        for item in items[1:]:
            result = coming.result()
            coming = beside.submit(work, item)
            yield result
        yield coming.result()


def parts_of(count: int) -> list[slice]:
    """Slices that cut so many questions into parts of at most `PART`.

    >>> parts_of(40)
    [slice(0, 32, None), slice(32, 64, None)]
    """
    return [slice(first, first + PART) for first in range(0, count, PART)]
