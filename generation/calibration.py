"""How far a probability is to be believed: p(right) = sigmoid(a logit(mass) + b), fitted on questions that nobody
trained on (Platt 1999). The mass is what the marginal puts on the answers given, so what stays for other answers and
for "the graph does not say" counts against them.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from generation.answer import NO_ANSWER, Answerer, Prediction
from kg.errors import ModelError
from kg.values import same_value
from retrieval.evidence import Evidence
from retrieval.question import Question

FEWEST = 20
"""With fewer questions than this nothing is fitted."""
_EDGE = 1e-6


@dataclass(frozen=True)
class Calibration:
    """a and b of the formula above; n: the questions that they were fitted on, 0 for none."""

    slope: float = 1.0
    offset: float = 0.0
    n: int = 0

    def probability(self, mass: float) -> float:
        """How probable it is that answers with this mass are right.

        >>> Calibration().probability(0.25)
        0.25
        """
        return float(np.exp(-np.logaddexp(0.0, -self.slope * _logit(np.array([mass]))[0] - self.offset)))

    def save(self, folder: Path) -> None:
        """Writes `calibration.json`."""
        (folder / "calibration.json").write_text(json.dumps(asdict(self)), "utf-8")

    @classmethod
    def open(cls, folder: Path) -> "Calibration":
        """What `save` wrote; masses as they are where nothing was saved. Raises ModelError."""
        path = folder / "calibration.json"
        if not path.exists():
            return cls()
        try:
            return cls(**json.loads(path.read_text("utf-8")))
        except (ValueError, TypeError) as error:
            raise ModelError(f"the calibration in {path} cannot be read: {error}. Run `limbeck train`.") from error


def fit(masses: Sequence[float], right: Sequence[float], *, steps: int = 50) -> Calibration:
    """The calibration that makes it likeliest which answers were right (0 to 1), by Newton's method in short steps,
    with a mild pull to a = 1, b = 0; with fewer than `FEWEST` the pull alone."""
    if len(masses) < FEWEST:
        return Calibration(n=0)
    x = np.stack([_logit(np.asarray(masses, np.float64)), np.ones(len(masses))], axis=1)
    y, start = np.asarray(right, np.float64), np.array([1.0, 0.0])
    weights = start.copy()
    for _ in range(steps):
        p = np.exp(-np.logaddexp(0.0, -x @ weights))
        gradient = x.T @ (p - y) + (weights - start)
        curvature = (x * (p * (1 - p))[:, None]).T @ x + np.eye(2)
        move = np.linalg.solve(curvature, gradient)
        weights = weights - move / max(1.0, float(np.linalg.norm(move)))
    return Calibration(float(weights[0]), float(weights[1]), len(masses))


def calibrated(
    answerer: Answerer,
    questions: Sequence[Question],
    evidence: Sequence[Sequence[Evidence]],
    *,
    resolve: Callable[[str], str] = str,
) -> Calibration:
    """The calibration of an answerer on questions that it did not learn from, with their evidence. resolve: from a gold
    IRI to the one that stands for it in the graph."""
    masses, right = [], []
    predictions = answerer.predict([question.question for question in questions], evidence)
    for question, prediction in zip(questions, predictions, strict=True):
        if prediction.answers:
            gold = [resolve(value) if "://" in value else value for value in question.values]
            masses.append(prediction.mass)
            right.append(float(any(same_value(prediction.answers[0].value, value) for value in gold)))
    return fit(masses, right)


def judged(prediction: Prediction, calibration: Calibration, *, least: float) -> Prediction:
    """The prediction with calibrated scores; one that is right with less than `least` probability is refused, its
    evidence kept."""
    if not prediction.answers:
        return prediction
    p = calibration.probability(prediction.mass)
    if p < least:
        return replace(prediction, text=NO_ANSWER, answers=(), mass=p)
    top = prediction.answers[0].score or 1.0
    answers = tuple(replace(answer, score=p * answer.score / top) for answer in prediction.answers)
    return replace(prediction, answers=answers, mass=p)


def _logit(p: NDArray[np.float64]) -> NDArray[np.float64]:
    p = np.clip(p, _EDGE, 1 - _EDGE)
    return np.asarray(np.log(p / (1 - p)))
