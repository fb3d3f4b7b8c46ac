"""Which IRIs were merged into which, memory-mapped: the log of entity resolution, and the way from old to new names.

Columns sorted by `from`: `from`, `to` (N-Triples terms), `reason` ("redirect", "same as" or "twin") and `score`
(float32, 0 to 1: how sure the merge is; what is stated has 1).
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from kg.clean.iris import normal_iris
from kg.errors import UsageError
from kg.strings import StringColumn, write_strings
from kg.terms import iri_term, value_of

_COLUMNS = ("from", "to", "reason")


class Merges:
    """The merges of a snapshot."""

    def __init__(self, columns: tuple[StringColumn, StringColumn, StringColumn], score: NDArray[np.float32]) -> None:
        self._from, self._to, self._reason = columns
        self._score = score

    @classmethod
    def open(cls, folder: Path) -> "Merges":
        """The merges written by `write_merges`."""
        merged, to, reason = (StringColumn.open(folder, name) for name in _COLUMNS)
        return cls((merged, to, reason), np.load(folder / "score.npy", mmap_mode="r"))

    def __len__(self) -> int:
        """The number of IRIs that were merged away."""
        return len(self._from)

    def __iter__(self) -> Iterator[tuple[str, str, str, float]]:
        """Each merge as (from, to, reason, score)."""
        return zip(self._from, self._to, self._reason, self._score.tolist(), strict=True)

    def __contains__(self, iri: object) -> bool:
        """Whether a bare IRI was merged into another one."""
        return isinstance(iri, str) and self._from.find(iri_term(iri)) >= 0

    def canonical(self, iri: str) -> str:
        """The bare IRI that stands for a bare IRI in the graph: in normal form, merges followed."""
        return self.canonical_many([iri])[0]

    def canonical_many(self, iris: Sequence[str]) -> list[str]:
        """`canonical` for many, in their order."""
        terms = normal_iris(pl.Series([iri_term(iri) for iri in iris], dtype=pl.String))["new"].to_list()
        places = [self._from.find(term) for term in terms]
        return [(term if at < 0 else str(self._to[at]))[1:-1] for term, at in zip(terms, places, strict=True)]


def check_merged(merges: Merges, iri: str) -> None:
    """Raises UsageError for a bare IRI that was not merged into another one."""
    if iri in merges:
        return
    into = [value_of(name) for name, to, *_ in merges if value_of(to) == iri]
    which = f" It stands for {', '.join(into[:5])}: name one of these." if into else ""
    raise UsageError(f"{iri} was not merged into another entity.{which}")


def write_merges(folder: Path, merges: pl.DataFrame) -> Merges:
    """Writes the merges that `kg.clean.clean` gives, and opens them."""
    folder.mkdir(parents=True, exist_ok=True)
    ordered = merges.sort("from")
    for name in _COLUMNS:
        write_strings(folder, name, ordered[name])
    np.save(folder / "score.npy", ordered["score"].to_numpy().astype(np.float32))
    return Merges.open(folder)
