"""Statements as columns: each distinct term once, sorted, and a row of integers for each statement.

What millions of statements share is kept once, so ten million of them fit into a few hundred megabytes, and whatever
compares, sorts or counts them works on integers.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

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

    def frame(self) -> pl.DataFrame:
        """The statements with N-Triples terms in s, p, o, in their order."""
        return self.rows.with_columns(self.terms.gather(self.rows[name]).alias(name) for name in TRIPLE)

    def keep(self, mask: "pl.Series | NDArray[np.bool_]") -> "Statements":
        """Those statements alone, in their order, and the terms that they use."""
        return compact(self.terms, self.rows.filter(pl.Series(mask)))

    def distinct(self) -> int:
        """The number of distinct triples."""
        return len(np.unique(keys(*(self.rows[name].to_numpy() for name in TRIPLE))))


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

    def statements(self) -> Statements:
        """All that was added, in that order; the collector is empty afterwards."""
        schema = {**dict.fromkeys(TRIPLE, self._dtype), **PLACE}
        rows = pl.concat([pl.DataFrame(schema=schema), *self._pieces], rechunk=True)
        self._pieces = []
        coded = rows.with_columns(pl.col(*TRIPLE).to_physical())
        size = max((int(coded[name].max() or 0) + 1 for name in TRIPLE), default=0) if len(coded) else 0  # type: ignore[arg-type]
        named = pl.DataFrame({"term": pl.Series(range(size), dtype=pl.UInt32)})
        terms = named.select(pl.col("term").cat.to(self._dtype).cast(pl.String)).to_series()
        return arrange(terms, coded)


def arrange(terms: pl.Series, rows: pl.DataFrame) -> Statements:
    """Statements over terms in any order, equal ones among them, those that no row uses too."""
    distinct = terms.unique().sort()
    if len(distinct) == len(terms):
        order = terms.arg_sort().to_numpy()
        place = np.empty(len(terms), np.uint32)
        place[order] = np.arange(len(terms), dtype=np.uint32)
    else:
        place = terms.cast(pl.Enum(distinct)).to_physical().to_numpy().astype(np.uint32)
    return compact(distinct, rows.with_columns(pl.Series(name, place[rows[name].to_numpy()]) for name in TRIPLE))


def compact(terms: pl.Series, rows: pl.DataFrame) -> Statements:
    """Statements without the terms that no row uses; `terms` are sorted and distinct."""
    used = np.zeros(len(terms), bool)
    columns = [rows[name].to_numpy() for name in TRIPLE]
    for column in columns:
        used[column] = True
    if used.all():
        return Statements(terms, rows)
    place = (np.cumsum(used) - 1).astype(np.uint32)
    renumbered = (pl.Series(name, place[column]) for name, column in zip(TRIPLE, columns, strict=True))
    return Statements(terms.filter(pl.Series(used)), rows.with_columns(renumbered))


def keys(s: NDArray[np.uint32], p: NDArray[np.uint32], o: NDArray[np.uint32]) -> NDArray[np.uint64]:
    """One number for each triple of term positions, ordered as (s, p, o) are. Predicates are numbered among themselves
    to make room. Raises OverflowError for more terms than 64 bits hold."""
    used = np.unique(p)
    width = [int(np.max(column, initial=0)).bit_length() for column in (s, o)]
    middle = max(len(used) - 1, 0).bit_length()
    if width[0] + middle + width[1] > 64:
        raise OverflowError(f"{len(s):,} triples over {len(used):,} predicates do not fit into 64-bit keys")
    ranks = np.zeros(int(used[-1]) + 1 if len(used) else 0, np.uint64)
    ranks[used] = np.arange(len(used), dtype=np.uint64)
    key = s.astype(np.uint64) << np.uint64(middle + width[1])
    key |= ranks[p] << np.uint64(width[1])
    key |= o
    return key
