"""Evidence to answers.

The reader says log p(y|x,z) for the answers y that each piece of evidence z holds. A question may have several answers,
so the unit that wins is a set: the answers of one path. Its probability is the mass that the marginal puts on it,

    P(S|x) = sum over z with answers S of p(z|x) sum over y in S of p(y|x,z),

and inside the winning set answers are ordered by the marginal p(y|x) = sum over z of p(z|x) p(y|x,z) (RAG-Sequence).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from generation.generator import Generator, score_many
from kg.terms import value_of
from kg.types import ScoredAnswer
from retrieval.evidence import SHOWN, Evidence

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
    """The generator as RAG has it: it runs over each piece of evidence, and the pieces are mixed."""

    def __init__(self, generator: Generator) -> None:
        self.generator = generator

    def predict(self, questions: Sequence[str], evidence: Sequence[Sequence[Evidence]]) -> list[Prediction]:
        """One prediction per question."""
        texts = [[piece.text for piece in pieces] for pieces in evidence]
        candidates = [[shown_labels(piece) for piece in pieces] for pieces in evidence]
        scores = score_many(self.generator, list(questions), texts, candidates)
        return [rank(pieces, own) for pieces, own in zip(evidence, scores, strict=True)]


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


def rank(evidence: Sequence[Evidence], log_p: Sequence[NDArray[np.float32]]) -> Prediction:
    """The answers of the most probable set. log_p: for each piece log p(y|x,z) of its `shown_labels`."""
    if not evidence:
        return Prediction(NO_ANSWER, (), ())
    mass: dict[tuple[str, ...], float] = {}
    marginal: dict[str, float] = {}
    sets = [own for piece, scores in zip(evidence, log_p, strict=True) for own in _answer_sets(piece, scores)]
    for _, piece, scores in sets:
        p = np.exp(scores.astype(np.float64)) * math.exp(piece.log_p)
        key = tuple(sorted(piece.values))
        mass[key] = mass.get(key, 0.0) + float(min(p.sum(), math.exp(piece.log_p)))
        for label, value in zip(shown_labels(piece), p, strict=True):
            marginal[label] = marginal.get(label, 0.0) + float(value)
    best = max(mass, key=lambda key: mass[key])
    ordered = sorted(sets, key=lambda own: (tuple(sorted(own[1].values)) != best, -own[1].log_p))
    winner = ordered[0][1]
    least = min((marginal[label] for label in shown_labels(winner)), default=0.0)
    weights = [marginal.get(label, least) for label in winner.labels]
    top = max(weights, default=0.0) or 1.0
    order = sorted(range(len(weights)), key=lambda place: -weights[place])
    answers = tuple(
        ScoredAnswer(value_of(winner.values[i]), winner.labels[i], mass[best] * weights[i] / top) for i in order
    )
    whole = {id(piece): piece for piece, _, _ in ordered}
    return Prediction(answer_text(answers), answers, tuple(whole.values()), mass[best])


def _answer_sets(piece: Evidence, scores: NDArray[np.float32]) -> list[tuple[Evidence, Evidence, NDArray[np.float32]]]:
    """(the piece, the part of it whose answers win or lose together, their scores): the answers of a path are one set,
    each of a passage's is one by itself."""
    if not piece.source:
        return [(piece, piece, scores)]
    by_label = dict(zip(shown_labels(piece), scores, strict=True))
    return [
        (piece, replace(piece, values=(value,), labels=(label,)), np.array([by_label[label]]))
        for value, label in zip(piece.values, piece.labels, strict=True)
        if label in by_label
    ]


def answer_text(answers: Sequence[ScoredAnswer], *, most: int = 12) -> str:
    """The answers as one line: "Yes", "3", "Germany, Austria and Hungary"."""
    labels = list(dict.fromkeys(answer.label for answer in answers))
    if labels in (["yes"], ["no"]):
        return labels[0].capitalize()
    if len(labels) > most:
        return ", ".join(labels[:most]) + f" and {len(labels) - most} more"
    return " and ".join([part for part in (", ".join(labels[:-1]), labels[-1]) if part]) if labels else NO_ANSWER
