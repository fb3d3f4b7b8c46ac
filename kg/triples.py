"""Distinct triples as integer columns over sorted terms: the form in which a graph is ranked, pruned and written."""

import hashlib
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from kg.statements import TRIPLE, Statements, used_terms

LINES = 100_000
"""Lines made at a time."""
PARTS, LEAST, MOST = 6, 500_000, 1_200_000
"""How many files lines are written into, and the fewest and most lines of one: a store takes a fifth less time for few
large loads than for many small ones, and more memory."""


@dataclass(frozen=True)
class Triples:
    """terms: distinct N-Triples terms, sorted by their bytes, each in use. s, p, o: int32, shape (n,), positions in
    `terms`, rows sorted by (s, p, o) and distinct. importance, confidence: float32, shape (n,)."""

    terms: pl.Series
    s: NDArray[np.int32]
    p: NDArray[np.int32]
    o: NDArray[np.int32]
    importance: NDArray[np.float32]
    confidence: NDArray[np.float32]

    def __len__(self) -> int:
        """The number of triples."""
        return len(self.s)

    @classmethod
    def of(cls, statements: Statements) -> "Triples":
        """The distinct triples of statements, unranked: importance 0, confidence 1."""
        s, p, o = statements.triples()
        return cls(statements.terms, s, p, o, np.zeros(len(s), np.float32), np.ones(len(s), np.float32))

    def frame(self) -> pl.DataFrame:
        """The triples with N-Triples terms in s, p, o, in their order, with `importance` and `confidence`."""
        columns = {name: self.terms.gather(getattr(self, name)).alias(name) for name in ("s", "p", "o")}
        return pl.DataFrame({**columns, "importance": self.importance, "confidence": self.confidence})

    def keep(self, mask: NDArray[np.bool_]) -> tuple["Triples", NDArray[np.bool_]]:
        """(those triples alone, which of the terms they use)."""
        if mask.all():
            return self, np.ones(len(self.terms), bool)
        columns = [column[mask] for column in (self.s, self.p, self.o)]
        used = used_terms(len(self.terms), columns)
        place = (np.cumsum(used) - 1).astype(np.int32)
        s, p, o = (place[column] for column in columns)
        left = Triples(self.terms.filter(pl.Series(used)), s, p, o, self.importance[mask], self.confidence[mask])
        return left, used

    def lines(self) -> Iterator[bytes]:
        """The N-Triples lines of the rows, LINES at a time."""
        for start in range(0, len(self), LINES):
            part = slice(start, start + LINES)
            columns = [self.terms.gather(getattr(self, name)[part]).alias(name) for name in TRIPLE]
            line = pl.concat_str(TRIPLE, separator=" ") + " ."
            yield pl.DataFrame(columns).select(line.str.join("\n")).item().encode() + b"\n"

    def sha256(self) -> str:
        """The SHA-256 of the N-Triples lines in the order of the rows: the graph's identity."""
        digest = hashlib.sha256()
        for lines in self.lines():
            digest.update(lines)
        return digest.hexdigest()

    def write_lines(self, folder: Path, *, finished: Callable[[Path], None]) -> str:
        """Writes the lines into a few files of a folder, in their order; returns the SHA-256 of all.

        finished: called with each file when it is whole.
        """
        digest = hashlib.sha256()
        size = min(MOST, max(LEAST, len(self) // PARTS))
        for number, part in enumerate(_batched(self.lines(), size // LINES)):
            path = folder / f"{number}.nt"
            with path.open("wb") as file:
                for lines in part:
                    digest.update(lines)
                    file.write(lines)
            finished(path)
        return digest.hexdigest()


def _batched(items: Iterator[bytes], size: int) -> Iterator[Iterator[bytes]]:
    """The items in groups of `size`, each to be used up before the next."""
    for first in items:
        yield itertools.chain([first], itertools.islice(items, size - 1))
