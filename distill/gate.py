"""The promotion gate: quality kept, latency won, size won, on questions that neither model has seen."""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from evaluation.metrics import f1, hits_at_1
from generation.answer import Answerer
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
    first, second = (measure(model, questions, evidence, megabytes=size) for model, size in (teacher, student))
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
    model: Answerer, questions: Sequence[Question], evidence: Sequence[Sequence[Evidence]], *, megabytes: float
) -> ModelReport:
    """Quality and latency of one model, one question at a time, after a warm-up."""
    if not questions:
        return ModelReport(0.0, 0.0, 0.0, megabytes)
    model.predict([questions[0].question], [evidence[0]])
    hits, scores, durations = [], [], []
    for question, pieces in zip(questions, evidence, strict=True):
        started = time.perf_counter()
        prediction = model.predict([question.question], [pieces])[0]
        durations.append((time.perf_counter() - started) * 1000)
        values = [answer.value for answer in prediction.answers]
        hits.append(hits_at_1(values, question.values))
        scores.append(f1(values, question.values))
    n = len(questions)
    return ModelReport(sum(hits) / n, sum(scores) / n, sorted(durations)[n // 2], megabytes)
