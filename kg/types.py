"""The small types that every part shares."""

from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray


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
