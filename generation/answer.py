"""Evidence to answers.

The reader says log p(y|x,z) for the answers y that each piece of evidence z holds. A question may have several answers,
so the unit that wins is a set: the answers of one path. Its probability is the mass that the marginal puts on it,

    P(S|x) = sum over z with answers S of p(z|x) sum over y in S of p(y|x,z),

and inside the winning set answers are ordered by the marginal p(y|x) = sum over z of p(z|x) p(y|x,z) (RAG-Sequence).
Only the pieces that these need are read: since p(y|x,z) is at most 1, p(z|x) bounds what an unread piece can add.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from generation.generator import Generator, score_many
from kg.terms import value_of
from kg.types import ScoredAnswer
from retrieval.evidence import SHOWN, Evidence

Scores = NDArray[np.float32]
NO_ANSWER = "I find no answer to this in the graph."


@dataclass(frozen=True)
class Prediction:
    """Answers, best first, and the evidence: first that of the winning set, then the rest. mass: what the marginal puts
    on these answers, 0 to 1."""

    text: str
    answers: tuple[ScoredAnswer, ...]
    evidence: tuple[Evidence, ...]
    mass: float = 0.0


class Answerer(Protocol):
    """Gives answers from evidence: the teacher or the student."""

    def predict(self, questions: Sequence[str], evidence: Sequence[Sequence[Evidence]]) -> list[Prediction]:
        """One prediction per question."""


class Teacher:
    """The generator as RAG has it: it reads pieces of evidence one by one, and the pieces are mixed."""

    def __init__(self, generator: Generator) -> None:
        self.generator = generator

    def predict(self, questions: Sequence[str], evidence: Sequence[Sequence[Evidence]]) -> list[Prediction]:
        """One prediction per question."""
        scores: list[dict[int, Scores]] = [{} for _ in questions]
        while True:
            wanted = [to_read(pieces, read) for pieces, read in zip(evidence, scores, strict=True)]
            if not any(wanted):
                return [
                    rank(pieces, _filled(pieces, read, -np.inf)) for pieces, read in zip(evidence, scores, strict=True)
                ]
            texts = [[pieces[i].text for i in places] for pieces, places in zip(evidence, wanted, strict=True)]
            labels = [
                [shown_labels(pieces[i]) for i in places] for pieces, places in zip(evidence, wanted, strict=True)
            ]
            found = score_many(self.generator, questions, texts, labels)
            for read, places, own in zip(scores, wanted, found, strict=True):
                read.update(zip(places, own, strict=True))


class Paths:
    """The retriever's word alone, where there is no generator: each piece of evidence says its own answers for sure."""

    def predict(self, questions: Sequence[str], evidence: Sequence[Sequence[Evidence]]) -> list[Prediction]:  # noqa: ARG002
        """One prediction per question."""
        return [
            rank(pieces, [np.zeros(len(shown_labels(piece)), np.float32) for piece in pieces]) for pieces in evidence
        ]


def shown_labels(piece: Evidence) -> list[str]:
    """The distinct labels of the answers that the text of the evidence spells out."""
    return list(dict.fromkeys(piece.labels[:SHOWN]))


def to_read(evidence: Sequence[Evidence], read: Mapping[int, Scores]) -> list[int]:
    """The places of the pieces to be read next, none as soon as `rank` says the same whatever the rest holds. read: the
    scores of those that were read, by place.

    These are the pieces of the set that can have the most mass, if an unread piece gives all of its p(z|x) to its
    answers; and, where that set has answers to be ordered, all that show one of them.
    """
    if not evidence:
        return []
    sets = _answer_sets(evidence, _filled(evidence, read, 0.0))
    best = _heaviest(_masses(sets))
    winners = [own for own in sets if own.key == best]
    labels = {label for own in winners for label in own.part.labels}
    places = {own.place for own in winners}
    if len(labels) > 1:
        places |= {place for place, piece in enumerate(evidence) if not labels.isdisjoint(shown_labels(piece))}
    return sorted(places - read.keys())


def rank(evidence: Sequence[Evidence], log_p: Sequence[Scores]) -> Prediction:
    """The answers of the most probable set. log_p: for each piece log p(y|x,z) of its `shown_labels`."""
    if not evidence:
        return Prediction(NO_ANSWER, (), ())
    sets = _answer_sets(evidence, log_p)
    mass = _masses(sets)
    best = _heaviest(mass)
    marginal: dict[str, float] = {}
    for own in sets:
        for label, value in zip(shown_labels(own.part), own.p, strict=True):
            marginal[label] = marginal.get(label, 0.0) + float(value)
    ordered = sorted(sets, key=lambda own: (own.key != best, -own.part.log_p))
    winner = ordered[0].part
    least = min((marginal[label] for label in shown_labels(winner)), default=0.0)
    weights = [marginal.get(label, least) for label in winner.labels]
    top = max(weights, default=0.0) or 1.0
    order = sorted(range(len(weights)), key=lambda place: -weights[place])
    answers = tuple(
        ScoredAnswer(value_of(winner.values[i]), winner.labels[i], mass[best] * weights[i] / top) for i in order
    )
    places = dict.fromkeys(own.place for own in ordered)
    return Prediction(answer_text(answers), answers, tuple(evidence[place] for place in places), mass[best])


@dataclass(frozen=True)
class _AnswerSet:
    """Answers that win or lose together: the place of a piece, the part of it that gives them, p(z|x) p(y|x,z) of each
    of the part's labels, and the answers as a key."""

    place: int
    part: Evidence
    p: NDArray[np.float64]
    key: tuple[str, ...]


def _answer_sets(evidence: Sequence[Evidence], log_p: Sequence[Scores]) -> list[_AnswerSet]:
    """The answers of a path are one set, each of a passage's is one by itself."""
    sets = []
    for place, (piece, scores) in enumerate(zip(evidence, log_p, strict=True)):
        parts = [(piece, scores)]
        if piece.source:
            by_label = dict(zip(shown_labels(piece), scores, strict=True))
            parts = [
                (replace(piece, values=(value,), labels=(label,)), np.array([by_label[label]]))
                for value, label in zip(piece.values, piece.labels, strict=True)
                if label in by_label
            ]
        for part, own in parts:
            p = np.exp(own.astype(np.float64)) * math.exp(piece.log_p)
            sets.append(_AnswerSet(place, part, p, tuple(sorted(part.values))))
    return sets


def _masses(sets: Sequence[_AnswerSet]) -> dict[tuple[str, ...], float]:
    """By set of answers the mass on it."""
    mass: dict[tuple[str, ...], float] = {}
    for own in sets:
        mass[own.key] = mass.get(own.key, 0.0) + float(min(own.p.sum(), math.exp(own.part.log_p)))
    return mass


def _heaviest(mass: Mapping[tuple[str, ...], float]) -> tuple[str, ...]:
    return max(mass, key=lambda key: mass[key])


def _filled(evidence: Sequence[Evidence], read: Mapping[int, Scores], unread: float) -> list[Scores]:
    """The scores of every piece, `unread` for each answer of one that was not read."""
    return [
        read[place] if place in read else np.full(len(shown_labels(piece)), unread, np.float32)
        for place, piece in enumerate(evidence)
    ]


def answer_text(answers: Sequence[ScoredAnswer], *, most: int = 12) -> str:
    """The answers as one line: "Yes", "3", "Germany, Austria and Hungary"."""
    labels = list(dict.fromkeys(answer.label for answer in answers))
    if labels in (["yes"], ["no"]):
        return labels[0].capitalize()
    if len(labels) > most:
        return ", ".join(labels[:most]) + f" and {len(labels) - most} more"
    return " and ".join([part for part in (", ".join(labels[:-1]), labels[-1]) if part]) if labels else NO_ANSWER
