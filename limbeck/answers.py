"""What a question gives back, in the shape that Python, the command line and HTTP share."""

from dataclasses import dataclass, field
from typing import Any

from kg.errors import UsageError
from kg.terms import shorten, value_of
from kg.types import ScoredAnswer

MAX_QUESTION = 2000
"""The longest question, in characters."""


def check_question(question: str) -> None:
    """Raises UsageError for what is no question."""
    if not question.strip():
        raise UsageError("the question is empty.")
    if len(question) > MAX_QUESTION:
        raise UsageError(f"the question has {len(question):,} characters, at most {MAX_QUESTION:,} are read.")
    if any("\ud800" <= letter <= "\udfff" for letter in question):
        raise UsageError("the question is not Unicode text: it holds half of a surrogate pair.")


@dataclass(frozen=True)
class CitedTriple:
    """A triple as N-Triples terms, how it reads, and the places that state it."""

    s: str
    p: str
    o: str
    text: str
    sources: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Bare values and the reading."""
        return {
            "triple": [value_of(self.s), value_of(self.p), value_of(self.o)],
            "text": self.text,
            "sources": list(self.sources),
        }


@dataclass(frozen=True)
class CitedEvidence:
    """The triples of one piece of evidence, p(z|x) as score, what the generator read, and what it answers. source: the
    place of the text, where it is a passage of a document and no triple."""

    triples: tuple[CitedTriple, ...]
    score: float
    text: str
    values: tuple[str, ...]
    source: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The form of `limbeck ask --json`: triples of bare values, and the distinct sources."""
        cited = [self.source] if self.source else []
        sources = dict.fromkeys([*cited, *(source for triple in self.triples for source in triple.sources)])
        return {
            "triples": [triple.to_dict()["triple"] for triple in self.triples],
            "score": self.score,
            "sources": list(sources),
            "text": self.text,
        }


@dataclass(frozen=True)
class Answer:
    """text: the answer in words. answers: best first, empty where the graph has none. evidence: that of the answer
    first. model: teacher or student. snapshot: the id of the snapshot asked. duration_ms: by step."""

    text: str
    answers: tuple[ScoredAnswer, ...]
    evidence: tuple[CitedEvidence, ...]
    model: str
    snapshot: str
    duration_ms: dict[str, float] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """The JSON object of `limbeck ask --json`."""
        return {
            "answer": self.text,
            "answers": [{"value": item.value, "label": item.label, "score": item.score} for item in self.answers],
            "evidence": [piece.to_dict() for piece in self.evidence],
            "model": self.model,
            "snapshot": self.snapshot,
            "duration_ms": self.duration_ms,
        }


@dataclass(frozen=True)
class Entity:
    """An entity: label, class labels, its best triples in both directions, each with where it comes from."""

    iri: str
    label: str
    types: tuple[str, ...]
    triples: tuple[CitedTriple, ...]
    incoming: tuple[CitedTriple, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "iri": self.iri,
            "name": shorten(self.iri),
            "label": self.label,
            "types": list(self.types),
            "triples": [triple.to_dict() for triple in self.triples],
            "incoming": [triple.to_dict() for triple in self.incoming],
        }
