"""Literal values that can be put in order, numbers and dates, as columns: what superlatives and comparisons look at.

pointer.npy   int64 (n_predicates + 1,)      where each of `Graph.predicates` begins in the columns
subject.npy   int32, ascending by predicate   value.npy   float64       row.npy   int32, the triple
dates.npy     bool (n_predicates,), whether the values are dates: years, with the days as parts of them
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from kg.graph import LITERAL, Graph, Ids

_NUMBER = r'^"([+-]?\d+(?:\.\d*)?(?:[eE][+-]?\d{1,3})?)"(?:\^\^|$|@)'
_DATE = (
    r'^"(-?\d{4})(?:-(0[1-9]|1[0-2]))?(?:-(0[1-9]|[12]\d|3[01]))?(?:T[^"]*)?(?:Z|[+-]\d\d:\d\d)?"'
    r"\^\^<[^>]*#(?:date|dateTime|gYear|gYearMonth)>"
)
_COLUMNS = ("pointer", "subject", "value", "row", "dates")


@dataclass(frozen=True)
class Measures:
    """The columns of one graph."""

    pointer: NDArray[np.int64]
    subject: Ids
    value: NDArray[np.float64]
    row: Ids
    dates: NDArray[np.bool_]

    @classmethod
    def open(cls, folder: Path) -> "Measures":
        """The columns written by `write_measures`."""
        return cls(*(np.load(folder / f"{name}.npy", mmap_mode="r") for name in _COLUMNS))

    def has(self, predicate: int) -> bool:
        """Whether a predicate, by its place among the graph's, has values."""
        return bool(self.pointer[predicate + 1] > self.pointer[predicate])

    def of(self, nodes: Ids, predicate: int) -> tuple[Ids, NDArray[np.float64], Ids]:
        """(nodes, values, rows) of a predicate for ascending nodes, one entry per value."""
        low, high = int(self.pointer[predicate]), int(self.pointer[predicate + 1])
        subject = self.subject[low:high]
        first, last = np.searchsorted(subject, nodes, "left"), np.searchsorted(subject, nodes, "right")
        counts = last - first
        places = low + np.repeat(first - np.cumsum(counts) + counts, counts) + np.arange(counts.sum())
        return np.repeat(nodes, counts), np.asarray(self.value[places]), np.asarray(self.row[places])


def write_measures(folder: Path, graph: Graph) -> Measures:
    """Writes the values that a graph's literals hold, and opens them."""
    folder.mkdir(parents=True, exist_ok=True)
    literals = np.flatnonzero(np.asarray(graph.kind) == LITERAL)
    text = graph.terms.to_series().gather(literals)
    parts = pl.DataFrame({"text": text}).select(
        number=pl.col("text").str.extract(_NUMBER, 1).cast(pl.Float64, strict=False),
        year=pl.col("text").str.extract(_DATE, 1).cast(pl.Float64, strict=False),
        month=pl.col("text").str.extract(_DATE, 2).cast(pl.Float64, strict=False).fill_null(1.0),
        day=pl.col("text").str.extract(_DATE, 3).cast(pl.Float64, strict=False).fill_null(1.0),
    )
    years = (parts["year"] + (parts["month"] - 1) / 12 + (parts["day"] - 1) / 372).to_numpy()
    is_date = ~np.isnan(years)
    values = np.full(len(graph.terms), np.nan)
    values[literals] = np.where(is_date, years, parts["number"].to_numpy())
    dated = np.zeros(len(graph.terms), bool)
    dated[literals] = is_date
    p, o = np.asarray(graph.p), np.asarray(graph.o)
    rows = np.flatnonzero(np.isfinite(values[o])).astype(np.int32)
    place = np.searchsorted(graph.predicates, p[rows])
    order = np.lexsort((rows, place))
    rows, place = rows[order], place[order]
    count = len(graph.predicates)
    uses = np.bincount(place, minlength=count)
    arrays: dict[str, NDArray[Any]] = {
        "pointer": np.concatenate([[0], np.cumsum(uses)]).astype(np.int64),
        "subject": np.asarray(graph.s)[rows],
        "value": values[o[rows]],
        "row": rows,
        "dates": 2 * np.bincount(place, weights=dated[o[rows]], minlength=count) > np.maximum(uses, 1),
    }
    for name in _COLUMNS:
        np.save(folder / f"{name}.npy", arrays[name])
    return Measures.open(folder)
