"""Distillation over a snapshot: evidence and answers for questions, a student trained on them, the gate."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from distill.gate import GateReport, compare
from distill.options import DistillOptions
from distill.student import DistillExample, Student, train_student
from generation.answer import Teacher, shown_labels
from generation.calibration import calibrated
from generation.generator import Generator
from generation.reader import Reader, ReaderOptions
from kg.errors import ModelError
from kg.progress import progress
from kg.terms import value_of
from kg.values import canonical_value
from retrieval.evidence import Evidence
from retrieval.question import Question
from retrieval.retriever import Retriever

_BATCH = 32
_APART = 10
"""One question in so many is not learnt from: by them it is told how far the student's scores are to be believed."""


def distil(
    folder: Path,
    retriever: Retriever,
    teacher: Generator,
    questions: Sequence[Question],
    options: DistillOptions,
    *,
    encoder_folder: Path,
) -> dict[str, Any]:
    """What the training did; writes the student into `folder`. Raises ModelError without questions that evidence
    answers."""
    draw = np.random.default_rng(options.seed)
    chosen = [questions[i] for i in draw.permutation(len(questions))[: options.examples]]
    evidence = evidence_for(chosen, retriever, k=options.evidence)
    apart = len(chosen) // _APART
    kept = chosen[:apart], evidence[:apart]
    chosen, evidence = chosen[apart:], evidence[apart:]
    answers = [gold_label(question, own) for question, own in zip(chosen, evidence, strict=True)]
    open_places = [place for place, answer in enumerate(answers) if answer is None and evidence[place]]
    said = Teacher(teacher).predict(
        [chosen[place].question for place in open_places], [evidence[place] for place in open_places]
    )
    for place, prediction in zip(open_places, said, strict=True):
        answers[place] = prediction.answers[0].label if prediction.answers else None
    examples = [
        DistillExample(question.question, tuple(own), answer)
        for question, own, answer in zip(chosen, evidence, answers, strict=True)
        if answer is not None
    ]
    if not examples:
        raise ModelError("no question has evidence to learn from. Give --questions that this graph can answer.")
    student = new_student(teacher, encoder_folder, options)
    report = train_student(student, teacher, examples, options)
    student.save(folder)
    calibration = calibrated(Student.open(folder), *kept, resolve=retriever.resolve)
    calibration.save(folder)
    return {
        "examples": len(examples),
        "steps": report.steps,
        "duration_s": report.duration_s,
        "calibration": asdict(calibration),
    }


def new_student(teacher: Generator, encoder_folder: Path, options: DistillOptions) -> Student:
    """A student with layers of the built-in reader, or beside another teacher with layers of the bare encoder."""
    if isinstance(teacher, Reader):
        return Student.from_teacher(teacher, options.encoder_layers)
    return Student(Reader.from_encoder(encoder_folder, ReaderOptions(encoder_layers=options.encoder_layers)))


def gate(
    questions: Sequence[Question], retriever: Retriever, teacher: Generator, student: Student, options: DistillOptions
) -> GateReport:
    """Teacher and student side by side on questions that neither has seen."""
    evidence = evidence_for(questions, retriever, k=options.evidence, title="held-out questions")
    return compare(
        questions,
        evidence,
        (Teacher(teacher), megabytes(teacher)),
        (student, megabytes(student.reader)),
        keep_quality=options.keep_quality,
    )


def evidence_for(
    questions: Sequence[Question], retriever: Retriever, *, k: int, title: str = "evidence"
) -> list[list[Evidence]]:
    """The evidence of each question, found from its text alone."""
    found: list[list[Evidence]] = []
    with progress(title, len(questions)) as advance:
        for start in range(0, len(questions), _BATCH):
            part = [question.question for question in questions[start : start + _BATCH]]
            found += [retrieved.evidence for retrieved in retriever.retrieve_many(part, k=k)]
            advance(len(part))
    return found


def gold_label(question: Question, evidence: Sequence[Evidence]) -> str | None:
    """The label of the first gold answer that some evidence spells out."""
    gold = {canonical_value(value) for value in question.values}
    for piece in evidence:
        if piece.path.form == question.form:
            labels = shown_labels(piece)
            for value, label in zip(piece.values, piece.labels, strict=True):
                if canonical_value(value_of(value)) in gold and label in labels:
                    return label
    return None


def megabytes(reader: Generator) -> float:
    """The size of a reader's weights as they are kept on disk in full: two bytes each for float16."""
    return 2e-6 * float(sum(parameter.numel() for parameter in reader.model.parameters()))
