"""The small types that every part shares."""

from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray

STATEMENT_SCHEMA = {
    "s": pl.String,
    "p": pl.String,
    "o": pl.String,
    "source": pl.UInt16,
    "record": pl.Int64,
    "start": pl.Int32,
    "end": pl.Int32,
    "confidence": pl.Float32,
}
"""Columns of statements: a triple (N-Triples terms) and the place that states it. `source` is an index into the build's
list of sources. `record` is the line of a dump (from 1), the slice of an endpoint (from 0), or the document's position
among the build's documents; `start` and `end` are character offsets in the document, -1 where there are none;
`confidence` lies in 0 to 1, and is 1 for what a source states outright."""


@dataclass(frozen=True)
class Document:
    """A text with an identity of its own."""

    id: str
    text: str


@dataclass(frozen=True)
class Mention:
    """A span of text that may name an entity: character offsets, end exclusive. `score` is in 0 to 1, the share of
    belief in this entity among the span's candidates. `iri` is None for what is not in the graph."""

    start: int
    end: int
    iri: str | None
    score: float


@dataclass(frozen=True)
class Relation:
    """A triple read from text. `s`, `p`, `o` are bare IRIs; `start` and `end` span the sentence part that states it."""

    s: str
    p: str
    o: str
    score: float
    start: int
    end: int


@dataclass(frozen=True)
class SourceInfo:
    """What a source is and what it gave, as the manifest records it."""

    name: str
    kind: str
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ScoredAnswer:
    """value: bare IRI or literal text. label: readable. score: 0 to 1, higher is better."""

    value: str
    label: str
    score: float


class Encoder(Protocol):
    """Turns texts into vectors."""

    @property
    def name(self) -> str:
        """The model's name or path, as configured."""

    @property
    def sha256(self) -> str:
        """The hash of the model's weights."""

    @property
    def dimension(self) -> int:
        """The length of a vector."""

    def encode(self, texts: list[str], *, progress: str | None = None) -> NDArray[np.float32]:
        """Unit vectors of shape (len(texts), dimension); `progress` names the progress bar, None shows none."""
