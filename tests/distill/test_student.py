"""The student held to its teacher: its layers, the distribution it learns, the cost of an answer."""

import copy
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from distill.options import DistillOptions
from distill.student import DistillExample, Student, fuse, likely, teacher_distribution, train_student
from generation.answer import NO_ANSWER, Teacher
from generation.pointer import FLOOR, IGNORED
from generation.reader import Reader
from kg.errors import ModelError
from tests.distill.conftest import EVIDENCE, QUESTION
from tests.evidence import piece
from tests.generation.tiny import tiny_t5, word_tokenizer

EXAMPLES = [
    DistillExample(QUESTION, EVIDENCE, "london"),
    DistillExample("what is the field of alan?", EVIDENCE[::-1][:2], "logic"),
]


ALL = [0, 1, 2, 3]


@pytest.mark.parametrize(("layers", "kept"), [(1, [0]), (2, [0, 3]), (3, [0, 1, 3]), (4, ALL), (9, ALL)])
def test_a_student_has_evenly_spaced_layers_of_the_teacher(teacher: Reader, layers: int, kept: list[int]) -> None:
    student = Student.from_teacher(teacher, layers).reader
    ours, theirs = student.model.encoder.encoder.layer, teacher.model.encoder.encoder.layer
    assert len(ours) == len(kept)
    for mine, place in zip(ours, kept, strict=True):
        for one, other in zip(mine.parameters(), theirs[place].parameters(), strict=True):
            assert torch.equal(one, other)
            assert one.data_ptr() != other.data_ptr()
    rest = {n: p for n, p in teacher.model.named_parameters() if ".layer." not in n}
    own = {n: p for n, p in student.model.named_parameters() if ".layer." not in n}
    assert own.keys() == rest.keys()
    assert all(torch.equal(own[name], rest[name]) for name in rest)
    assert student.model.config.kept_layers == kept


def test_a_student_of_a_student_knows_the_layers_of_the_base(teacher: Reader) -> None:
    second = Student.from_teacher(Student.from_teacher(teacher, 3).reader, 2).reader
    assert second.model.config.kept_layers == [0, 3]


def test_a_student_with_all_layers_answers_one_piece_as_the_teacher_does(teacher: Reader) -> None:
    student = Student.from_teacher(teacher, 4)
    for each in EVIDENCE:
        (mine,), (theirs,) = (model.predict([QUESTION], [[each]]) for model in (student, Teacher(teacher)))
        assert [a.value for a in mine.answers] == [a.value for a in theirs.answers]
        assert [a.score for a in mine.answers] == pytest.approx([a.score for a in theirs.answers], rel=1e-3)


def test_all_evidence_is_read_in_one_pass(teacher: Reader) -> None:
    rows: list[int] = []

    def count(module: Any, arguments: Any, given: dict[str, Any], out: Any) -> None:
        rows.append(len(given["input_ids"]))

    student = Student.from_teacher(teacher, 2)
    hooks = [m.encoder.register_forward_hook(count, with_kwargs=True) for m in (student.reader.model, teacher.model)]
    try:
        student.predict([QUESTION], [EVIDENCE])
        assert sum(rows) == len(rows) == 1
        rows.clear()
        Teacher(teacher).predict([QUESTION], [EVIDENCE])
        assert sum(rows) == len(EVIDENCE)
    finally:
        for hook in hooks:
            hook.remove()


def test_questions_without_evidence_get_no_answer_and_the_others_theirs(teacher: Reader) -> None:
    student = Student.from_teacher(teacher, 2)
    nothing, something = student.predict(["what?", QUESTION], [[], EVIDENCE])
    (alone,) = student.predict([QUESTION], [EVIDENCE])
    assert (nothing.text, nothing.evidence) == (NO_ANSWER, ())
    assert something.text == alone.text
    assert student.predict([], []) == []


def test_the_mass_of_a_set_is_its_evidence_times_the_answers_given_all_of_it(teacher: Reader) -> None:
    student = Student.from_teacher(teacher, 2)
    labels = ["london", "maida vale", "logic", "analysis"]
    (log_p,) = student.reader.score(QUESTION, [fuse(EVIDENCE)], [labels])
    p = dict(zip(labels, np.exp(log_p.astype(float)), strict=True))
    mass = [math.exp(each.log_p) * sum(p[label] for label in each.labels) for each in EVIDENCE]
    (found,) = student.predict([QUESTION], [EVIDENCE])
    best = int(np.argmax(mass))
    assert {answer.label for answer in found.answers} == set(EVIDENCE[best].labels)
    assert found.answers[0].score == pytest.approx(mass[best], rel=1e-3)


def test_evidence_is_fused_the_most_probable_first_and_none_drowns_the_rest() -> None:
    parts = [piece("low", ("a",), 0.1), piece("high " * 100, ("b",), 0.6), piece("middle", ("c",), 0.3)]
    fused = fuse(parts)
    assert fused == fuse(parts[::-1])
    high, middle, low = fused.split(" || ")
    assert (high.split()[0], middle, low) == ("high", "middle", "low")
    assert len(high) < len("high " * 100) / 2
    assert fuse([]) == ""


def test_the_distribution_is_the_teachers_next_token_over_the_whole_vocabulary(teacher: Reader) -> None:
    labels = teacher.labels([example.answer for example in EXAMPLES])
    also = teacher.source([QUESTION], ["2 3"])[0]
    support, found = teacher_distribution(teacher, EXAMPLES, labels, also=also)
    assert support.tolist() == sorted(set(support.tolist()))
    assert set(also.flatten().tolist()) <= set(support.tolist())
    for row, example in enumerate(EXAMPLES):
        prior = np.exp([each.log_p for each in example.evidence])
        prior /= prior.sum()
        kept = labels[row] != IGNORED
        dense = torch.zeros(len(labels[row]), teacher.model.config.vocab_size, dtype=torch.float64)
        left_of_evidence = torch.zeros(len(labels[row]), 1, dtype=torch.float64)
        for weight, each in zip(prior, example.evidence, strict=True):
            ids, mask = teacher.source([example.question], [each.text])
            with torch.no_grad():
                logits = teacher.model(input_ids=ids, attention_mask=mask, labels=labels[row : row + 1]).logits
            p = logits[0].softmax(-1).double()
            said = p.gather(-1, labels[row].clamp(min=0)[:, None])[:, 0]
            before = weight * torch.cat([torch.ones(1), said[:-1]]).cumprod(0)[:, None]
            dense, left_of_evidence = dense + before * p, left_of_evidence + before
        dense = dense / left_of_evidence
        assert torch.allclose(found[row][kept].exp().double(), dense[kept][:, support], atol=FLOOR)
        left = dense[kept].sum(-1) - dense[kept][:, support].sum(-1)
        assert (left < FLOOR).all()
        assert found[row][kept].exp().sum(-1).tolist() == pytest.approx([1.0] * int(kept.sum()), abs=1e-3)


@pytest.mark.parametrize(("alpha", "temperature"), [(0.0, 1.0), (0.3, 4.0), (0.7, 2.0), (1.0, 4.0), (1.0, 1.0)])
def test_the_loss_of_a_step_is_that_reckoned_over_the_whole_vocabulary(
    teacher: Reader, alpha: float, temperature: float
) -> None:
    """alpha T^2 KL + (1 - alpha) cross-entropy of the labels' own tokens, where few of the vocabulary's occur."""
    examples = [
        DistillExample("who?", (piece("turing", ("turing",), 0.6), piece("vale", ("vale",), 0.4)), "turing"),
        DistillExample("what?", (piece("logic analysis", ("logic analysis",), 0.9),), "logic analysis"),
    ]
    student = Student.from_teacher(teacher, 2)
    labels = teacher.labels([example.answer for example in examples])
    ids, mask = student.reader.source([e.question for e in examples], [fuse(e.evidence) for e in examples])
    support, target = teacher_distribution(teacher, examples, labels, also=ids)
    assert len(support) < teacher.model.config.vocab_size / 2
    with torch.no_grad():
        dense = student.reader.model(input_ids=ids, attention_mask=mask, labels=labels).logits.double()
    expected = []
    for row, tokens in enumerate(labels.tolist()):
        steps = [(t, token) for t, token in enumerate(tokens) if token != IGNORED]
        soft = [(target[row, t].double() / temperature).softmax(-1) for t, _ in steps]
        own = [(dense[row, t, support] / temperature).log_softmax(-1) for t, _ in steps]
        divergence = np.mean([float((p * (p.log() - q)).sum()) for p, q in zip(soft, own, strict=True)])
        cross_entropy = -np.mean([float(dense[row, t, token]) for t, token in steps])
        expected.append(alpha * temperature**2 * divergence + (1 - alpha) * cross_entropy)
    options = DistillOptions(alpha=alpha, temperature=temperature, batch_size=2, precision="fp32", device="cpu")
    report = train_student(student, teacher, examples, options)
    assert report.losses == pytest.approx([np.mean(expected)], rel=1e-3)


@pytest.mark.parametrize("alpha", [0.0, 0.7, 1.0])
def test_training_lowers_the_loss_and_leaves_the_teacher_alone(teacher: Reader, alpha: float) -> None:
    student = Student.from_teacher(teacher, 2)
    before = copy.deepcopy(teacher.model.state_dict())
    options = DistillOptions(
        alpha=alpha, epochs=40, batch_size=2, encoder_learning_rate=1e-3, precision="fp32", device="cpu"
    )
    report = train_student(student, teacher, EXAMPLES, options)
    assert report.steps == 40
    assert np.mean(report.losses[-3:]) < 0.8 * np.mean(report.losses[:3])
    assert all(torch.equal(tensor, before[name]) for name, tensor in teacher.model.state_dict().items())


def test_a_trained_student_comes_nearer_to_the_teachers_mixture(teacher: Reader) -> None:
    student = Student.from_teacher(teacher, 2)
    labels = teacher.labels([example.answer for example in EXAMPLES])
    ids, mask = student.reader.source([e.question for e in EXAMPLES], [fuse(e.evidence) for e in EXAMPLES])
    support, wanted = teacher_distribution(teacher, EXAMPLES, labels, also=ids)

    def divergence() -> float:
        with torch.no_grad():
            own = student.reader.model.distribution(student.reader.model.encode(ids, mask), labels, support)
        each = (wanted.exp() * (wanted - own)).sum(-1)
        return float(each[labels != IGNORED].mean())

    before = divergence()
    options = DistillOptions(alpha=1.0, temperature=1.0, epochs=30, batch_size=2, precision="fp32", device="cpu")
    train_student(student, teacher, EXAMPLES, options)
    assert divergence() < 0.7 * before


def test_a_saved_student_gives_the_same_answers_from_half_the_bytes(teacher: Reader, tmp_path: Path) -> None:
    student = Student.from_teacher(teacher, 2)
    before = student.predict([QUESTION], [EVIDENCE])[0]
    student.save(tmp_path / "student")
    again = Student.open(tmp_path / "student")
    for model in (student, again):
        after = model.predict([QUESTION], [EVIDENCE])[0]
        assert [answer.value for answer in after.answers] == [answer.value for answer in before.answers]
        assert [a.score for a in after.answers] == pytest.approx([a.score for a in before.answers], rel=0.01)
        assert next(model.reader.model.parameters()).dtype == torch.float32
    numbers = sum(parameter.numel() for parameter in student.reader.model.parameters())
    assert (tmp_path / "student" / "model.safetensors").stat().st_size < 2 * numbers + 20_000


def test_a_teacher_with_another_vocabulary_can_only_be_learned_from_by_its_answers(teacher: Reader) -> None:
    from generation.generator import Seq2Seq

    other = Seq2Seq(tiny_t5(), word_tokenizer(), max_length=64)
    student = Student.from_teacher(teacher, 2)
    with pytest.raises(ModelError, match="alpha = 0"):
        train_student(student, other, EXAMPLES, DistillOptions(precision="fp32"))
    report = train_student(student, other, EXAMPLES, DistillOptions(alpha=0.0, precision="fp32", device="cpu"))
    assert report.steps == 1


@pytest.mark.parametrize(
    ("shares", "read"), [((0.6, 0.36, 0.04), 2), ((0.04, 0.96), 1), ((0.3, 0.3, 0.3, 0.1), 4), ((1e-9,), 1), ((), 0)]
)
def test_a_student_reads_the_pieces_that_are_likely_together(shares: tuple[float, ...], read: int) -> None:
    pieces = [piece(f"piece {place}", ("a",), share) for place, share in enumerate(shares)]
    assert likely(pieces) == sorted(pieces, key=lambda own: -own.log_p)[:read]
