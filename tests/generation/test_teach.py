import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from generation import joint, teach
from generation.answer import Teacher
from generation.generator import Seq2Seq
from generation.joint import train_together
from generation.options import TrainingOptions
from generation.rag import Rag
from generation.reader import Reader
from generation.teach import HELD_OUT, open_generator, read_all, split_by_entity, train_teacher, write_questions
from kg.errors import ConfigError, ModelError
from kg.terms import value_of
from retrieval.question import Answer, Question
from retrieval.scorer import PathScorer
from retrieval.training import Example, ScorerOptions
from tests.encoders import NgramEncoder
from tests.toy_graph import toy_retriever, write_toy
from tests.workspaces import toy_questions

IRIS = st.integers(0, 30).map(lambda i: f"http://x/{i}")
QUESTIONS = st.lists(st.lists(IRIS, max_size=3).map(tuple), max_size=30).map(
    lambda each: [Question(str(i), "?", (), entities) for i, entities in enumerate(each)]
)


@given(QUESTIONS, st.floats(0, 1))
def test_no_held_out_subject_is_trained_on(questions: list[Question], share: float) -> None:
    train, held = split_by_entity(questions, share)
    trained_on = {iri for question in train for iri in question.entities}
    assert not trained_on & {question.entities[0] for question in held}
    assert not {question.id for question in train} & {question.id for question in held}
    assert split_by_entity(questions, share) == (train, held)


@given(QUESTIONS, st.floats(0, 1))
def test_every_question_about_one_entity_is_in_one_of_the_two(questions: list[Question], share: float) -> None:
    train, held = split_by_entity(questions, share)
    split = {question.id for question in (*train, *held)}
    left_out = [question for question in questions if question.id not in split]
    subjects = {question.entities[0] for question in held}
    assert all(len(set(question.entities)) > 1 for question in left_out)
    assert not {question.entities[0] for question in left_out} & subjects
    assert {question.id for question in questions if not question.entities} <= {question.id for question in train}


def test_an_entity_falls_on_the_same_side_in_every_set_and_the_share_is_about_right() -> None:
    questions = [Question(str(i), "?", (), (f"http://x/{i}",)) for i in range(2000)]
    _, held = split_by_entity(questions, 0.2)
    assert len(held) == pytest.approx(400, abs=60)
    assert split_by_entity(questions[::7], 0.2)[1] == [question for question in questions[::7] if question in held]
    assert split_by_entity(questions, 0.0) == (questions, [])
    assert split_by_entity(questions, 1.0) == ([], questions)


def test_written_questions_are_read_back(tmp_path: Path) -> None:
    questions = [*toy_questions(), Question("é", "Wie?", (Answer("literal", "2"),), (), "count", 1)]
    write_questions(tmp_path / "q.jsonl", questions)
    assert read_all([tmp_path / "q.jsonl", tmp_path / "q.jsonl"]) == questions * 2


OPTIONS = TrainingOptions(
    synthetic=30, held_out=0.3, scorer_epochs=1, reader_examples=8, joint_examples=4, batch_size=4
)


def test_a_teacher_is_written_whole_and_nobody_trains_on_what_is_held_out(tmp_path: Path, encoder_folder: Path) -> None:
    retriever = toy_retriever(tmp_path)
    report = train_teacher(tmp_path / "models", retriever, encoder_folder, toy_questions(), OPTIONS)
    assert len(report["retriever_loss"]) == OPTIONS.scorer_epochs * ScorerOptions().rounds
    assert report["reader"]["steps"] == 2 and report["joint"]["steps"] == 1
    given_train, given_held = split_by_entity(toy_questions(), OPTIONS.held_out)
    held_out = read_all([tmp_path / "models" / HELD_OUT])
    assert held_out[: len(given_held)] == given_held
    assert report["questions"]["given"] == len(given_train)
    assert report["questions"]["held_out"] == len(held_out)
    assert report["questions"]["made"] + len(held_out) - len(given_held) <= OPTIONS.synthetic
    assert isinstance(open_generator(tmp_path / "models", encoder_folder), Reader)
    assert isinstance(PathScorer.open(tmp_path / "models" / "scorer"), PathScorer)
    json.dumps(report)


def test_any_sequence_to_sequence_model_can_be_the_generator(
    tmp_path: Path, encoder_folder: Path, seq2seq: Seq2Seq
) -> None:
    seq2seq.save(tmp_path / "t5-or-bart")
    options = replace(OPTIONS, generator=str(tmp_path / "t5-or-bart"))
    retriever = toy_retriever(tmp_path)
    train_teacher(tmp_path / "models", retriever, encoder_folder, toy_questions(), options)
    opened = open_generator(tmp_path / "models", encoder_folder)
    assert type(opened.model) is type(seq2seq.model)
    before, after = (model.state_dict()["lm_head.weight"] for model in (seq2seq.model, opened.model))
    assert not torch.equal(before, after)
    question = toy_questions()[0].question
    evidence = retriever.retrieve(question, k=3).evidence
    prediction = Teacher(opened).predict([question], [evidence])[0]
    assert prediction.evidence and {answer.value for answer in prediction.answers} <= {
        value_of(value) for piece in evidence for value in piece.values
    }
    texts, log_p = [piece.text for piece in evidence], [piece.log_p for piece in evidence]
    for mode in ("sequence", "token"):
        said = Rag(opened).generate(question, texts, log_p, mode=mode, num_beams=2, max_new_tokens=3)
        assert said and math.exp(said[0][1]) <= sum(map(math.exp, log_p)) + 1e-5


def test_a_graph_without_questions_cannot_be_learned(tmp_path: Path, encoder_folder: Path) -> None:
    retriever = toy_retriever(write_toy(tmp_path, NgramEncoder(), []))
    with pytest.raises(ModelError, match="no question can be made"):
        train_teacher(tmp_path / "models", retriever, encoder_folder, toy_questions(), OPTIONS)


def test_a_missing_or_damaged_generator_is_named(tmp_path: Path, encoder_folder: Path) -> None:
    with pytest.raises(ModelError, match=r"config\.json"):
        open_generator(tmp_path, encoder_folder)
    (tmp_path / "reader").mkdir()
    (tmp_path / "reader" / "config.json").write_text("{")
    with pytest.raises(ModelError, match=r"config\.json"):
        open_generator(tmp_path, encoder_folder)


def test_the_same_seed_trains_the_same_teacher(tmp_path: Path, encoder_folder: Path) -> None:
    """Byte for byte, whatever happened to the random numbers before, and however fast the machine is."""
    written = []
    for name in ("first", "second"):
        torch.rand(3)
        train_teacher(
            tmp_path / name / "models", toy_retriever(tmp_path / name), encoder_folder, toy_questions(), OPTIONS
        )
        files = sorted((tmp_path / name / "models").rglob("*.safetensors"))
        written.append({path.name: path.read_bytes() for path in files})
    assert len(written[0]) == 2
    assert written[0] == written[1]


@pytest.mark.parametrize("stage", ["train_reader", "joint_loss"])
def test_a_teacher_whose_training_was_stopped_ends_as_if_it_had_not_been(
    tmp_path: Path,
    encoder_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    stage: str,
) -> None:
    def train_into(name: str) -> dict[str, bytes]:
        folder = tmp_path / name
        kept = tmp_path / "checkpoints" if name == "stopped" else None
        arguments = (folder / "models", toy_retriever(folder), encoder_folder, toy_questions(), OPTIONS)
        train_teacher(*arguments, checkpoints=kept)
        return {path.name: path.read_bytes() for path in (folder / "models").rglob("*.safetensors")}

    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(joint, stage, stop)
        train_into("stopped")
    capsys.readouterr()
    resumed = train_into("stopped")
    done = ["train retriever", "train reader"][: 1 if stage == "train_reader" else 2]
    said = [line.partition(": goes on")[0] for line in capsys.readouterr().err.splitlines() if ": goes on" in line]
    assert said == done
    assert resumed == train_into("whole")


def test_nobody_learns_from_the_questions_that_choose_the_best_state(
    tmp_path: Path, encoder_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, list[Example]] = {}

    def watched(*arguments: Any, validation: list[Example], **more: Any) -> Any:
        seen.update(train=arguments[2], validation=validation)
        return train_together(*arguments, validation=validation, **more)

    monkeypatch.setattr(teach, "train_together", watched)
    options = replace(OPTIONS, validation=0.3)
    report = train_teacher(tmp_path / "models", toy_retriever(tmp_path), encoder_folder, toy_questions(), options)
    entities = {name: {example.question.entities[0] for example in own} for name, own in seen.items()}
    assert entities["validation"] and not entities["validation"] & entities["train"]
    held_out = {question.entities[0] for question in read_all([tmp_path / "models" / HELD_OUT])}
    assert not held_out & (entities["validation"] | entities["train"])
    assert report["questions"]["validation"] == len(seen["validation"])
    assert report["joint"]["validation_log_p"] < 0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"batch_size": 0}, "train.batch_size must be at least 1, not 0"),
        ({"accumulate": 0}, "train.accumulate"),
        ({"validation": -0.1}, "train.validation must be at least 0 and below 1"),
        ({"patience": 0}, "train.patience"),
        ({"held_out": 1.0}, "train.held_out must be at least 0 and below 1"),
        ({"joint_rate": float("nan")}, "train.joint_rate"),
        ({"joint_examples": -5}, "train.joint_examples"),
        ({"mode": "both"}, 'train.mode is "sequence" or "token"'),
    ],
)
def test_options_out_of_range_are_refused_by_name(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        TrainingOptions(**options)


def test_of_many_given_questions_some_are_drawn(tmp_path: Path, encoder_folder: Path) -> None:
    options = replace(OPTIONS, given=2, validation=0.0, held_out=0.0)
    report = train_teacher(tmp_path / "models", toy_retriever(tmp_path), encoder_folder, toy_questions(), options)
    assert report["questions"]["given"] == 2 < len(toy_questions())


def test_made_questions_teach_the_reader_and_leave_the_retriever(tmp_path: Path, encoder_folder: Path) -> None:
    retriever = toy_retriever(tmp_path)
    before = {name: weight.clone() for name, weight in retriever.scorer.state_dict().items()}
    report = train_teacher(tmp_path / "models", retriever, encoder_folder, [], OPTIONS)
    assert report["reader"]["steps"] == 2 and report["joint"]["steps"] == 1 and report["retriever_loss"] == []
    assert all(torch.equal(weight, before[name]) for name, weight in retriever.scorer.state_dict().items())
    train_teacher(tmp_path / "models", retriever, encoder_folder, toy_questions(), OPTIONS)
    assert not torch.equal(retriever.scorer.weights, before["weights"])
