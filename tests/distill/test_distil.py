"""Distillation and its gate over the toy graph with a tiny teacher."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from distill.distil import distil, evidence_for, gate, gold_label, megabytes, new_student
from distill.options import DistillOptions
from distill.student import Student
from generation.answer import Prediction
from generation.generator import Seq2Seq
from generation.reader import Reader
from kg.errors import ModelError
from kg.terms import iri_term, literal_term
from retrieval.evidence import Evidence
from retrieval.question import Answer, Question
from retrieval.retriever import Retriever
from tests.distill.conftest import EVIDENCE
from tests.evidence import piece
from tests.generation.tiny import tiny_t5, word_tokenizer
from tests.toy_graph import toy_retriever
from tests.workspaces import toy_questions

OPTIONS = DistillOptions(encoder_layers=2, batch_size=4, evidence=3, precision="fp32", device="cpu")


@pytest.fixture(scope="module")
def retriever(tmp_path_factory: pytest.TempPathFactory) -> Retriever:
    return toy_retriever(tmp_path_factory.mktemp("toy"))


def test_a_student_is_trained_written_and_measured(
    retriever: Retriever, teacher: Reader, encoder_folder: Path, tmp_path: Path
) -> None:
    report = distil(tmp_path, retriever, teacher, toy_questions(), OPTIONS, encoder_folder=encoder_folder)
    assert (report["examples"], report["steps"]) == (8, 2)
    student = Student.open(tmp_path)
    found = gate(toy_questions(), retriever, teacher, student, OPTIONS)
    assert found.n == 8
    assert found.student.megabytes < found.teacher.megabytes == megabytes(teacher)


@pytest.mark.parametrize("count", [1, 3])
def test_the_gate_shows_as_much_evidence_as_the_options_say(retriever: Retriever, teacher: Reader, count: int) -> None:
    shown: list[list[str]] = []

    class Watched(Student):
        def predict(self, questions: Sequence[str], evidence: Sequence[Sequence[Evidence]]) -> list[Prediction]:
            shown.extend([piece.text for piece in own] for own in evidence)
            return super().predict(questions, evidence)

    questions = toy_questions()
    student = Watched(Student.from_teacher(teacher, 1).reader)
    gate(questions, retriever, teacher, student, DistillOptions(evidence=count))
    wanted = [[piece.text for piece in own] for own in evidence_for(questions, retriever, k=count)]
    assert shown == [wanted[0], *wanted]
    assert max(map(len, shown)) == count


def test_no_more_questions_are_learned_from_than_asked_for(
    retriever: Retriever, teacher: Reader, encoder_folder: Path, tmp_path: Path
) -> None:
    options = DistillOptions(examples=3, encoder_layers=1, batch_size=1, precision="fp32", device="cpu")
    report = distil(tmp_path, retriever, teacher, toy_questions(), options, encoder_folder=encoder_folder)
    assert (report["examples"], report["steps"]) == (3, 3)


@pytest.mark.parametrize("questions", [[], [Question("q", "why?", (Answer("literal", "x"),))]])
def test_questions_without_evidence_cannot_be_learned_from(
    retriever: Retriever, teacher: Reader, encoder_folder: Path, tmp_path: Path, questions: list[Question]
) -> None:
    parts = (retriever.neighbours, retriever.encoder, retriever.relation_vectors.numpy(), retriever.scorer)
    blind = Retriever(*parts, lambda asked, mode: [[] for _ in asked])
    with pytest.raises(ModelError, match="no question has evidence"):
        distil(tmp_path, blind, teacher, questions, OPTIONS, encoder_folder=encoder_folder)


def test_evidence_is_what_the_retriever_finds_for_each(retriever: Retriever) -> None:
    questions = toy_questions() * 9
    found = evidence_for(questions, retriever, k=2)
    assert len(found) == len(questions) > 64
    for question, own in zip(questions[:8], found, strict=False):
        assert [each.text for each in own] == [
            each.text for each in retriever.retrieve(question.question, k=2).evidence
        ]


def test_the_gold_label_is_one_that_evidence_of_the_same_form_spells_out() -> None:
    london = piece("x", ("London",), 0.3, values=(iri_term("http://x/London"),))
    number = piece("y", ("8799800",), 0.3, values=(literal_term("8799800.0"),))
    assert gold_label(Question("q", "?", (Answer("uri", "http://x/London"),)), [*EVIDENCE, london]) == "London"
    assert gold_label(Question("q", "?", (Answer("literal", "8799800"),)), [london, number]) == "8799800"
    assert gold_label(Question("q", "?", (Answer("uri", "http://x/Rome"),)), [london, number]) is None
    assert gold_label(Question("q", "?", (Answer("uri", "http://x/London"),), (), "count"), [london]) is None


def test_another_teacher_gets_a_student_of_the_bare_encoder(teacher: Reader, encoder_folder: Path) -> None:
    other = Seq2Seq(tiny_t5(), word_tokenizer(), max_length=64)
    assert new_student(other, encoder_folder, OPTIONS).reader.model.config.kept_layers == [0, 3]
    assert new_student(teacher, encoder_folder, OPTIONS).reader.model.config.kept_layers == [0, 3]


def test_megabytes_count_two_bytes_a_weight(teacher: Reader) -> None:
    assert megabytes(teacher) == pytest.approx(2 * sum(p.numel() for p in teacher.model.parameters()) / 1e6)
