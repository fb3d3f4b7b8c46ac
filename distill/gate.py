"""The promotion gate: quality kept, latency won, size won, on questions that neither model has seen."""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from evaluation.metrics import f1, hits_at_1
from generation.answer import Answerer, Prediction
from retrieval.evidence import Evidence
from retrieval.question import Question


@dataclass(frozen=True)
class ModelReport:
    """hits_at_1 and f1: means over the questions. duration_ms: median of one answer, the evidence given. megabytes: of
    the model's weights in float16."""

    hits_at_1: float
    f1: float
    duration_ms: float
    megabytes: float


@dataclass(frozen=True)
class GateReport:
    """Both models on the same `n` questions, and the reasons against promotion; none means passed."""

    n: int
    teacher: ModelReport
    student: ModelReport
    reasons: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether the student may go live."""
        return not self.reasons

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {**asdict(self), "passed": self.passed}


def compare(
    questions: Sequence[Question],
    evidence: Sequence[Sequence[Evidence]],
    teacher: tuple[Answerer, float],
    student: tuple[Answerer, float],
    *,
    keep_quality: float,
) -> GateReport:
    """The report on both models, each with its megabytes, over questions with the evidence that retrieval gave."""
    first, second = measure((teacher, student), questions, evidence)
    reasons = []
    if not questions:
        return GateReport(0, first, second, ("there are no held-out questions to measure on",))
    if second.hits_at_1 < keep_quality * first.hits_at_1:
        reasons.append(
            f"Hits@1 {second.hits_at_1:.3f} is below {keep_quality:.0%} of the teacher's {first.hits_at_1:.3f}"
        )
    if second.duration_ms >= first.duration_ms:
        reasons.append(
            f"{second.duration_ms:.1f} ms an answer is not faster than the teacher's {first.duration_ms:.1f} ms"
        )
    if second.megabytes >= first.megabytes:
        reasons.append(f"{second.megabytes:.0f} MB is not smaller than the teacher's {first.megabytes:.0f} MB")
    return GateReport(len(questions), first, second, tuple(reasons))


def measure(
    models: Sequence[tuple[Answerer, float]], questions: Sequence[Question], evidence: Sequence[Sequence[Evidence]]
) -> list[ModelReport]:
    """Quality and latency of models, each given with its megabytes, after a warm-up.

    The models take turns on each question, so that whatever else the machine does slows them alike.
    """
    predictions: list[list[Prediction]] = [[] for _ in models]
    durations: list[list[float]] = [[] for _ in models]
    if questions:
        for model, _ in models:
            model.predict([questions[0].question], [evidence[0]])
    for question, pieces in zip(questions, evidence, strict=True):
        for place, (model, _) in enumerate(models):
            started = time.perf_counter()
            predictions[place] += model.predict([question.question], [pieces])
            durations[place].append((time.perf_counter() - started) * 1000)
    return [
        _report(questions, own, times, size)
        for (_, size), own, times in zip(models, predictions, durations, strict=True)
    ]


def _report(
    questions: Sequence[Question], predictions: Sequence[Prediction], durations: Sequence[float], megabytes: float
) -> ModelReport:
    if not questions:
        return ModelReport(0.0, 0.0, 0.0, megabytes)
    values = [[answer.value for answer in prediction.answers] for prediction in predictions]
    hits = [hits_at_1(own, question.values) for own, question in zip(values, questions, strict=True)]
    scores = [f1(own, question.values) for own, question in zip(values, questions, strict=True)]
    n = len(questions)
    return ModelReport(sum(hits) / n, sum(scores) / n, sorted(durations)[n // 2], megabytes)
