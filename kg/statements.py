"""Statements as columns: each distinct term once, sorted, and a row of integers for each statement.

What millions of statements share is kept once, so ten million of them fit into a few hundred megabytes, and whatever
compares, sorts or counts them works on integers.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from kg.arrays import distinct, find

TRIPLE = ("s", "p", "o")
PLACE = {
    "source": pl.UInt16,
    "record": pl.Int64,
    "start": pl.Int32,
    "end": pl.Int32,
    "confidence": pl.Float32,
}
"""Where a statement stands. `source` is an index into the build's list of sources. `record` is the line of a dump (from
1), the slice of an endpoint (from 0), or the document's position among the build's documents; `start` and `end` are
character offsets in the document, -1 where there are none; `confidence` lies in 0 to 1, and is 1 for what a source
states outright."""
SCHEMA = {**dict.fromkeys(TRIPLE, pl.String), **PLACE}
"""Statements as a frame of N-Triples terms."""


@dataclass(frozen=True)
class Statements:
    """terms: distinct N-Triples terms, sorted by their bytes. rows: columns s, p, o (UInt32, positions in `terms`) and
    those of PLACE."""

    terms: pl.Series
    rows: pl.DataFrame

    def __len__(self) -> int:
        """The number of statements."""
        return len(self.rows)

    @classmethod
    def of(cls, frame: pl.DataFrame) -> "Statements":
        """The statements of a frame with N-Triples terms in s, p, o; what is missing of PLACE is filled in as for a
        source without documents."""
        collector = Collector()
        collector.add(frame)
        return collector.statements()

    def columns(self) -> tuple[NDArray[np.uint32], NDArray[np.uint32], NDArray[np.uint32]]:
        """s, p, o: positions in `terms`, by statement."""
        s, p, o = (self.rows[name].to_numpy() for name in TRIPLE)
        return s, p, o

    def frame(self) -> pl.DataFrame:
        """The statements with N-Triples terms in s, p, o, in their order."""
        return self.rows.with_columns(self.terms.gather(self.rows[name]).alias(name) for name in TRIPLE)

    def keep(self, mask: "pl.Series | NDArray[np.bool_]") -> "Statements":
        """Those statements alone, in their order, and the terms that they use."""
        return compact(self.terms, self.rows.filter(pl.Series(mask)))

    def of_source(self, index: int) -> "Statements":
        """The same statements as those of the source with this index."""
        return Statements(self.terms, self.rows.with_columns(source=pl.lit(index, pl.UInt16)))

    def positions(self, terms: "pl.Series | Sequence[str]") -> NDArray[np.int64]:
        """The positions of some terms that are among `terms`, in their order; those that are not are left out."""
        found = find(pl.Series(terms, dtype=pl.String), self.terms)
        return found[found >= 0]

    def triples(self) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]:
        """s, p, o of the distinct triples, sorted."""
        columns = self.columns()
        _, first = np.unique(keys(*columns), return_index=True)
        s, p, o = (column[first].astype(np.int32) for column in columns)
        return s, p, o

    def distinct(self) -> int:
        """The number of distinct triples."""
        return count_distinct(keys(*self.columns()))


class Collector:
    """Gathers frames of statements, piece by piece, keeping each distinct term once."""

    def __init__(self) -> None:
        self._dtype = pl.Categorical(pl.Categories.random())
        self._first = pl.Series("term", [], dtype=pl.String).cast(self._dtype)
        self._pieces: list[pl.DataFrame] = []

    def add(self, frame: pl.DataFrame) -> None:
        """Takes a frame with columns s, p, o of N-Triples terms, and any of PLACE."""
        missing = {"source": 0, "record": 0, "start": -1, "end": -1, "confidence": 1.0}
        filled = frame.with_columns(pl.lit(value).alias(name) for name, value in missing.items() if name not in frame)
        self._pieces.append(
            filled.select(
                *(pl.col(name).cast(self._dtype) for name in TRIPLE),
                *(pl.col(name).cast(dtype) for name, dtype in PLACE.items()),
            )
        )

    def source(self, index: int) -> Callable[[pl.DataFrame], None]:
        """`add` for frames of the source with this index."""
        return lambda frame: self.add(frame.with_columns(source=pl.lit(index)))

    def statements(self) -> Statements:
        """All that was added, in that order; the collector is empty afterwards."""
        schema: dict[str, Any] = {**dict.fromkeys(TRIPLE, self._dtype), **PLACE}
        rows = pl.concat([pl.DataFrame(schema=schema), *self._pieces], rechunk=True)
        self._pieces = []
        coded = rows.with_columns(pl.col(*TRIPLE).to_physical())
        size = max((int(coded[name].max() or 0) + 1 for name in TRIPLE), default=0) if len(coded) else 0  # type: ignore[arg-type]
        named = pl.DataFrame({"term": pl.Series(range(size), dtype=pl.UInt32)})
        terms = named.select(pl.col("term").cat.to(self._dtype).cast(pl.String)).to_series()
        order = terms.arg_sort()
        place = np.empty(size, np.uint32)
        place[order.to_numpy()] = np.arange(size, dtype=np.uint32)
        return Statements(terms.gather(order), moved(coded, place))


def rename(statements: Statements, new: pl.Series) -> Statements:
    """The statements with `new[i]` for the term at position i; terms may become equal. Only those that change cost."""
    changed = (statements.terms != new).to_numpy()
    if not changed.any():
        return compact(statements.terms, statements.rows)
    kept, found = statements.terms.filter(pl.Series(~changed)), new.filter(pl.Series(changed))
    others = found.unique().sort()
    terms, place_kept, place_others = union(kept, others)
    place = np.empty(len(new), np.uint32)
    place[~changed] = place_kept
    place[changed] = place_others[others.search_sorted(found).to_numpy()]
    return compact(terms, moved(statements.rows, place))


def union(one: pl.Series, two: pl.Series) -> tuple[pl.Series, NDArray[np.uint32], NDArray[np.uint32]]:
    """(the sorted distinct terms of two such lists, the place there of each term of the first, of the second).

    The cost is that of finding the second's terms in the first.
    """
    at = one.search_sorted(two).to_numpy().astype(np.int64)
    known = np.zeros(len(two), bool)
    if len(one):
        known = (at < len(one)) & (one.gather(np.minimum(at, len(one) - 1)) == two).to_numpy()
    added = at[~known]
    before = np.cumsum(np.bincount(added, minlength=len(one) + 1))
    place_one = (np.arange(len(one)) + before[: len(one)]).astype(np.uint32)
    place_two = np.empty(len(two), np.uint32)
    place_two[~known] = added + np.arange(len(added))
    place_two[known] = place_one[at[known]]
    order = np.empty(len(one) + len(added), np.uint32)
    order[place_one] = np.arange(len(one))
    order[place_two[~known]] = len(one) + np.arange(len(added))
    return pl.concat([one, two.filter(pl.Series(~known))]).gather(order), place_one, place_two


def moved(rows: pl.DataFrame, place: NDArray[np.uint32]) -> pl.DataFrame:
    """The rows with each term position replaced by its entry in `place`."""
    return rows.with_columns(pl.Series(name, place[rows[name].to_numpy()]) for name in TRIPLE)


def compact(terms: pl.Series, rows: pl.DataFrame) -> Statements:
    """Statements without the terms that no row uses; `terms` are sorted and distinct."""
    columns = [rows[name].to_numpy() for name in TRIPLE]
    used = used_terms(len(terms), columns)
    if used.all():
        return Statements(terms, rows)
    place = (np.cumsum(used) - 1).astype(np.uint32)
    renumbered = (pl.Series(name, place[column]) for name, column in zip(TRIPLE, columns, strict=True))
    return Statements(terms.filter(pl.Series(used)), rows.with_columns(renumbered))


def concat(parts: Sequence[Statements]) -> Statements:
    """The statements of all parts, in their order."""
    filled = [part for part in parts if len(part)]
    if not filled:
        return parts[0]
    terms, rows = filled[0].terms, filled[0].rows
    for part in filled[1:]:
        terms, place, place_part = union(terms, part.terms)
        rows = pl.concat([moved(rows, place), moved(part.rows, place_part)])
    return Statements(terms, rows)


def used_terms(n_terms: int, columns: Sequence[NDArray[Any]]) -> NDArray[np.bool_]:
    """Which term positions the columns name, shape (n_terms,)."""
    used = np.zeros(n_terms, bool)
    for column in columns:
        used[column] = True
    return used


def keys(s: NDArray[Any], p: NDArray[Any], o: NDArray[Any]) -> NDArray[np.uint64]:
    """One number for each triple of term positions, equal for equal triples and ordered as (s, p, o) are.

    Predicates are numbered among themselves to make room. Raises OverflowError for more terms than 64 bits hold.
    """
    names, ranks = _ranks(p)
    width = int(np.max(o, initial=0)).bit_length()
    middle = max(len(names) - 1, 0).bit_length()
    if int(np.max(s, initial=0)).bit_length() + middle + width > 64:
        raise OverflowError(f"{len(s):,} triples over {len(names):,} predicates do not fit into 64-bit keys.")
    key = s.astype(np.uint64)
    key <<= np.uint64(middle)
    key |= ranks.astype(np.uint64)
    key <<= np.uint64(width)
    key |= o.astype(np.uint64)
    return key


def count_distinct(key: NDArray[np.uint64]) -> int:
    """The number of distinct keys."""
    return len(distinct(key))


def _ranks(column: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """(distinct values, their places by row) of a column of few distinct small numbers."""
    seen = used_terms(int(column.max()) + 1 if len(column) else 0, [column])
    return np.flatnonzero(seen), (np.cumsum(seen) - 1)[column]
