"""Small operations on sorted terms and on arrays of numbers that several parts need."""

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

Columns = TypeVar("Columns", bound=Any)


def map_array(path: Path) -> NDArray[Any]:
    """A saved array, memory-mapped, as a plain array: each small slice of a `np.memmap` costs several microseconds."""
    return np.asarray(np.load(path, mmap_mode="r"))


def find(terms: pl.Series, names: pl.Series) -> NDArray[np.int64]:
    """The position of each term in sorted, distinct `names`, or -1.

    >>> find(pl.Series(["b", "x"]), pl.Series(["a", "b"])).tolist()
    [1, -1]
    """
    if not len(names):
        return np.full(len(terms), -1)
    place = np.minimum(names.search_sorted(terms).to_numpy().astype(np.int64), len(names) - 1)
    return np.where((names.gather(place) == terms).to_numpy(), place, -1)


def distinct(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The distinct values, ascending. (np.unique makes a hash table first, which takes several times as long.)"""
    ordered = np.sort(values)
    first = np.concatenate([np.ones(min(len(ordered), 1), bool), ordered[1:] != ordered[:-1]])
    return np.asarray(ordered[first], np.uint64)


def is_among(items: NDArray[Any], ascending: NDArray[Any]) -> NDArray[np.bool_]:
    """Whether each item is in an ascending list, which may be long: it is only searched in.

    >>> is_among(np.array([3, 4]), np.array([1, 3, 5])).tolist()
    [True, False]
    """
    if not len(ascending):
        return np.zeros(len(items), bool)
    place = np.minimum(np.searchsorted(ascending, items), len(ascending) - 1)
    return np.asarray(ascending[place] == items)


def spread(sizes: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """For groups of these sizes: the group of each item, and its place in the group.

    >>> [part.tolist() for part in spread(np.array([2, 0, 1]))]
    [[0, 0, 2], [0, 1, 0]]
    """
    group = np.repeat(np.arange(len(sizes)), sizes)
    return group, np.arange(len(group)) - np.repeat(np.cumsum(sizes) - sizes, sizes)


def take_rows(columns: Columns, rows: NDArray[np.int64]) -> Columns:
    """A dataclass of arrays of one length, with these rows of each."""
    taken: Columns = type(columns)(*(getattr(columns, field.name)[rows] for field in fields(columns)))
    return taken


def join_rows(parts: Sequence[Columns]) -> Columns:
    """The rows of several dataclasses of arrays, one after another; there is at least one."""
    names = [field.name for field in fields(parts[0])]
    joined: Columns = type(parts[0])(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))
    return joined
