"""The teacher of a snapshot: questions made from the graph and questions given, then retriever and reader on them.

The retriever learns from given questions alone. Made ones spell relations as the graph does, which it knows already:
trained on them it finds less (of 300 questions of LC-QuAD, entities given, F1 fell from 0.881 to 0.838). The reader,
which begins with nothing, learns to read by them.

A share of the questions, drawn by entity, is held out and saved: nobody trains on them, and the student's gate asks
them. Another share, drawn alike from the rest, decides which state of the training is the best.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from generation.answer import Teacher
from generation.calibration import FEWEST, Calibration, calibrated
from generation.checkpoint import Checkpoints, put_back, run_key, trained
from generation.generator import Generator, load_generator
from generation.joint import train_together
from generation.options import TrainingOptions
from generation.reader import Reader, ReaderOptions
from generation.reader_config import PointerReaderConfig
from generation.training import TrainReport, choose_precision
from kg.errors import ModelError
from retrieval.question import Question, read_questions
from retrieval.retriever import Retriever
from retrieval.synthetic import SyntheticOptions, make_questions
from retrieval.training import Example, ScorerOptions, make_examples, train_scorer

HELD_OUT = "held-out.jsonl"
MOST_HELD_OUT = 200
MOST_VALIDATION = 300
"""Most of the given questions that the best state is chosen by."""


def train_teacher(
    folder: Path,
    retriever: Retriever,
    encoder_folder: Path,
    questions: Sequence[Question],
    options: TrainingOptions,
    *,
    checkpoints: Path | None = None,
) -> dict[str, Any]:
    """What the training did. Writes `scorer/`, `reader/` and the held-out questions into `folder`.

    checkpoints: a folder where the work that is done is kept; the same call, after one that was killed, goes on from
    it. The caller removes it. Raises ModelError if no question can be learned from.
    """
    folder.mkdir(parents=True, exist_ok=True)
    drawn = make_questions(retriever.neighbours, SyntheticOptions(count=options.synthetic, seed=options.seed))
    given, asked = split_by_entity(questions, options.held_out)
    own, kept = split_by_entity(drawn, options.held_out)
    held_out = [*asked, *kept][:MOST_HELD_OUT]
    given, given_apart = split_by_entity(given, options.validation, salt=b"validation")
    given, given_apart = _drawn(given, options.given, options), _drawn(given_apart, MOST_VALIDATION, options)
    own, own_apart = split_by_entity(own, options.validation, salt=b"validation")
    examples, validation = (
        _examples(part, retriever, options, title)
        for part, title in ((given, "questions"), (given_apart, "validation"))
    )
    made, made_apart = (
        make_examples(part, retriever, title=f"{title} made from the graph")
        for part, title in ((own, "questions"), (own_apart, "validation"))
    )
    if not examples and not made:
        raise ModelError(
            "no question can be made from this graph, and none was given that it answers. Give --questions."
        )
    scoring = ScorerOptions(epochs=options.scorer_epochs, seed=options.seed)
    folder_of_scorer = checkpoints / "scorer" if checkpoints else None
    losses = _train_scorer(retriever, examples, validation, scoring, folder_of_scorer) if examples else []
    answers = [value.rsplit("/", 1)[-1].replace("_", " ") for question in own for value in question.values]
    reader = new_generator(encoder_folder, options, answers)
    first, second = train_together(
        retriever,
        reader,
        examples,
        options,
        made=made,
        validation=validation or made_apart,
        folder=checkpoints,
    )
    calibration = _calibrated(retriever, reader, given_apart if len(given_apart) >= FEWEST else given_apart + own_apart)
    calibration.save(folder)
    retriever.scorer.save(folder / "scorer")
    reader.save(folder / "reader", base=encoder_folder)
    write_questions(folder / HELD_OUT, held_out)
    return {
        "questions": {"given": len(given), "made": len(own), "validation": len(validation), "held_out": len(held_out)},
        "retriever_loss": losses,
        "reader": _facts(first),
        "joint": _facts(second) if second else None,
        "calibration": asdict(calibration),
    }


def _drawn(questions: Sequence[Question], most: int, options: TrainingOptions) -> list[Question]:
    """At most so many of the questions, in their order."""
    places = np.random.default_rng(options.seed).permutation(len(questions))[:most]
    return [questions[place] for place in sorted(places.tolist())]


def _calibrated(retriever: Retriever, reader: Generator, questions: Sequence[Question]) -> Calibration:
    found = retriever.retrieve_many([question.question for question in questions])
    teacher = Teacher(with_precision(reader) if isinstance(reader, Reader) else reader)
    return calibrated(teacher, questions, [own.evidence for own in found], resolve=retriever.resolve)


def _examples(given: Sequence[Question], retriever: Retriever, options: TrainingOptions, title: str) -> list[Example]:
    """Given questions from their own entities, and some of them again from what the retriever takes them to speak of,
    so that both reading and choosing are learnt."""
    examples = make_examples(given, retriever, title=f"{title}, entities given")
    return examples + make_examples(_drawn(given, options.linked, options), retriever, given=False, title=title)


def _train_scorer(
    retriever: Retriever,
    examples: Sequence[Example],
    validation: Sequence[Example],
    options: ScorerOptions,
    folder: Path | None,
) -> list[float]:
    """The mean loss per epoch, from the checkpoint of a run that got as far as this, or of a new training."""
    kept = Checkpoints(folder, run_key(retriever.scorer, options=asdict(options), examples=len(examples)))
    state = kept.load("train retriever")
    if state:
        put_back(retriever.scorer.eval(), state.part("model"))
        return list(state.facts["losses"])
    losses = train_scorer(retriever, examples, options, validation=validation)
    kept.save({"steps": len(losses), "losses": losses}, model=trained(retriever.scorer))
    return losses


def new_generator(encoder_folder: Path, options: TrainingOptions, answers: Sequence[str]) -> Generator:
    """The generator to train: a transformers model where one is named, else a reader, given or new."""
    if options.generator:
        return load_generator(options.generator)
    if options.reader:
        return Reader.open(options.reader, base=encoder_folder)
    return Reader.from_encoder(encoder_folder, ReaderOptions(seed=options.seed, max_length=256), answers=answers)


def open_generator(folder: Path, encoder_folder: Path) -> Generator:
    """The generator that `train_teacher` wrote to `folder/reader`: the built-in one or a transformers model. Raises
    ModelError."""
    path = folder / "reader" / "config.json"
    try:
        config = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"the generator's {path} cannot be read: {error}. Run `limbeck train`.") from error
    if config.get("model_type") == PointerReaderConfig.model_type:
        return with_precision(Reader.open(folder / "reader", base=encoder_folder))
    return load_generator(folder / "reader")


def with_precision(reader: Reader) -> Reader:
    """The same reader, computing in bfloat16 where the processor does so natively: half the time."""
    reader.precision = choose_precision("auto", reader.model.device.type)
    return reader


def split_by_entity(
    questions: Sequence[Question], held_out: float, *, salt: bytes = b""
) -> tuple[list[Question], list[Question]]:
    """(train, held out): a question is held out if the hash of its first entity falls into that share; another salt
    draws another share.

    No question with an entity that falls into it is in train, so one where only a later entity does is in neither.
    Questions without entities are in train.
    """

    def chosen(iri: str) -> bool:
        return int.from_bytes(hashlib.blake2b(iri.encode(), digest_size=4, salt=salt).digest()) < held_out * 2**32

    train = [question for question in questions if not any(chosen(iri) for iri in question.entities)]
    held = [question for question in questions if question.entities and chosen(question.entities[0])]
    return train, held


def read_all(paths: Sequence[str | Path]) -> list[Question]:
    """The questions of several files."""
    return [question for path in paths for question in read_questions(Path(path))]


def write_questions(path: Path, questions: Sequence[Question]) -> None:
    """Writes questions in the form that `read_questions` reads."""
    lines = (json.dumps(asdict(question), ensure_ascii=False) for question in questions)
    path.write_text("".join(line + "\n" for line in lines), "utf-8")


def _facts(report: TrainReport) -> dict[str, Any]:
    facts = {"steps": report.steps, "loss": _ends(report.losses), "duration_s": report.duration_s}
    best = dict(report.evaluations).get(report.best_step)
    return facts | {"best_step": report.best_step, "validation_log_p": best, "device": report.device}


def _ends(losses: Sequence[float]) -> list[float]:
    """The mean loss of the first and of the last tenth of the steps."""
    tenth = max(len(losses) // 10, 1)
    return [sum(losses[:tenth]) / tenth, sum(losses[-tenth:]) / tenth] if losses else []
