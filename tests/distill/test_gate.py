"""The gate asks plain models that answer as they are told, one of them slowly."""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest

from distill import gate
from distill.gate import GateReport, compare, measure
from generation.answer import NO_ANSWER, Prediction
from kg.types import ScoredAnswer
from retrieval.evidence import Evidence
from retrieval.question import Answer, Question
from tests.distill.conftest import EVIDENCE

QUESTIONS = [Question(f"q{i}", f"question {i}", (Answer("literal", str(i)),)) for i in range(20)]
GIVEN = [[EVIDENCE[0]]] * 20


@dataclass
class Told:
    """Answers the first `right` questions with their number, the others with nothing."""

    right: int
    wait_s: float = 0.0
    asked: list[str] = field(default_factory=list)

    def predict(self, questions: Sequence[str], evidence: Sequence[Sequence[Evidence]]) -> list[Prediction]:
        time.sleep(self.wait_s)
        self.asked += questions
        assert len(questions) == len(evidence) == 1
        numbers = [question.split()[1] for question in questions]
        return [
            Prediction(number, (ScoredAnswer(number, number, 1.0),), ())
            if int(number) < self.right
            else Prediction(NO_ANSWER, (), ())
            for number in numbers
        ]


def report(teacher: Told, student: Told, *, sizes: tuple[float, float] = (80.0, 20.0)) -> GateReport:
    return compare(QUESTIONS, GIVEN, (teacher, sizes[0]), (student, sizes[1]), keep_quality=0.95)


SLOW = 0.01


def test_a_student_that_keeps_quality_and_is_faster_and_smaller_passes() -> None:
    found = report(Told(20, SLOW), Told(19))
    assert found.passed
    assert (found.n, found.teacher.hits_at_1, found.student.hits_at_1) == (20, 1.0, 0.95)
    assert (found.student.f1, found.teacher.megabytes, found.student.megabytes) == (0.95, 80.0, 20.0)
    plain = json.loads(json.dumps(found.to_dict()))
    assert plain["passed"] is True and plain["student"]["hits_at_1"] == 0.95 and plain["reasons"] == []


@pytest.mark.parametrize(
    ("teacher", "student", "sizes", "reason"),
    [
        (Told(20, SLOW), Told(18), (80.0, 20.0), "Hits@1 0.900 is below 95% of the teacher's 1.000"),
        (Told(20), Told(20, SLOW), (80.0, 20.0), "ms an answer is not faster than the teacher's"),
        (Told(20, SLOW), Told(20), (80.0, 80.0), "80 MB is not smaller than the teacher's 80 MB"),
    ],
)
def test_each_shortcoming_is_a_reason_of_its_own(
    teacher: Told, student: Told, sizes: tuple[float, float], reason: str
) -> None:
    found = report(replace(teacher, asked=[]), replace(student, asked=[]), sizes=sizes)
    assert not found.passed
    assert len(found.reasons) == 1
    assert reason in found.reasons[0]


def test_all_shortcomings_are_told_together() -> None:
    assert len(report(Told(20), Told(0, SLOW), sizes=(1.0, 2.0)).reasons) == 3


def test_a_teacher_that_knows_nothing_can_be_replaced_by_what_is_faster_and_smaller() -> None:
    assert report(Told(0, SLOW), Told(0)).passed


def test_nothing_passes_without_questions() -> None:
    found = compare([], [], (Told(1), 80.0), (Told(1), 20.0), keep_quality=0.95)
    assert (found.n, found.passed) == (0, False)
    assert found.reasons == ("there are no held-out questions to measure on",)


def test_questions_are_asked_one_at_a_time_after_a_warm_up() -> None:
    model = Told(5)
    (found,) = measure([(model, 3.0)], QUESTIONS, GIVEN)
    assert model.asked == [QUESTIONS[0].question, *(question.question for question in QUESTIONS)]
    assert (found.hits_at_1, found.f1, found.megabytes) == (0.25, 0.25, 3.0)


@dataclass
class Clock:
    """Stands still but for what the models say they take."""

    now_s: float = 0.0

    def perf_counter(self) -> float:
        return self.now_s


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(gate, "time", made)
    return made


@dataclass
class Timed:
    """Knows no answer, and takes so long over it by the clock; the first duration is that of the warm-up."""

    clock: Clock
    durations_s: list[float]

    def predict(self, questions: Sequence[str], evidence: Sequence[Sequence[Evidence]]) -> list[Prediction]:
        self.clock.now_s += self.durations_s.pop(0)
        return [Prediction(NO_ANSWER, (), ())]


def test_the_duration_is_the_median_without_the_warm_up(clock: Clock) -> None:
    models = [Timed(clock, [999.0, 9.0, 2.0, 500.0, 7.0, 1.0]), Timed(clock, [0.0, 3.0, 80.0, 6.0, 70.0, 60.0])]
    found = measure([(model, 1.0) for model in models], QUESTIONS[:5], GIVEN[:5])
    assert [each.duration_ms for each in found] == pytest.approx([7000.0, 60000.0])


@pytest.mark.parametrize(("student_s", "passed"), [(31 / 32, True), (1.0, False), (33 / 32, False), (1.75, False)])
def test_a_student_has_to_be_faster_by_however_little(clock: Clock, student_s: float, passed: bool) -> None:
    """Parts of two, which a clock adds up exactly."""
    teacher, student = (Timed(clock, [each] * 6) for each in (1.0, student_s))
    found = compare(QUESTIONS[:5], GIVEN[:5], (teacher, 80.0), (student, 20.0), keep_quality=0.95)
    assert found.passed is passed, found.reasons
