"""Retriever and generator trained together on questions and answers: -log sum over z of p(z|x) p(y|x,z).

First the reader alone learns to read one piece of evidence, then both are trained through the marginal, so that the
gradient reaches the retriever's head through p(z|x) (Lewis et al. 2020, section 2.4). The evidence of a question is its
`evidence` best paths at that moment and one that leads to a gold answer, where there is one. Where there are questions
to validate by, each stage ends in the state that makes their answers likeliest.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path as Folder

import numpy as np
import torch
from torch import Tensor, nn

from generation.generator import Generator
from generation.options import TrainingOptions
from generation.pointer import PointerReader
from generation.rag import Rag
from generation.reader import ReaderExample, train_reader
from generation.training import TrainOptions, TrainReport, train
from kg.terms import value_of
from kg.values import canonical_value
from retrieval.evidence import Evidence, gather
from retrieval.retriever import Retriever
from retrieval.training import Example, score_batch

READER_RATES = {"encoder.": 2e-4}
GENERATOR_RATE = 1e-4
"""For a transformers model, which comes trained."""
MOST_VALIDATION = 64
"""Questions that a state is judged by."""
JOINT_RATES = {"reader.encoder.": 5e-5, "reader.": 3e-4}


@dataclass(frozen=True)
class Joint:
    """A question with candidates, and the text of a gold answer that the generator should give."""

    example: Example
    answer: str


def reader_examples(
    examples: Sequence[Example], retriever: Retriever, *, count: int, seed: int = 0
) -> list[ReaderExample]:
    """Questions, each with the evidence of a path that leads to its answers, and one of these answers."""
    draw = np.random.default_rng(seed)
    made: list[ReaderExample] = []
    order = draw.permutation(len(examples))
    for place in np.resize(order, min(count, 4 * len(order))) if len(order) else order:
        example = examples[place]
        best = np.flatnonzero(example.quality >= max(float(example.quality.max()) - 1e-6, 0.3))
        if not len(best):
            continue
        piece = _gather(example, int(draw.choice(best)), retriever)
        answers = _given(example, piece) if piece else []
        if piece and answers:
            made.append(ReaderExample(example.question.question, piece.text, str(draw.choice(answers))))
    return made


def joint_examples(examples: Sequence[Example], retriever: Retriever, *, count: int, seed: int = 0) -> list[Joint]:
    """At most `count` questions for the joint training, drawn at random from those that some path answers."""
    draw = np.random.default_rng(seed)
    made: list[Joint] = []
    for place in draw.permutation(len(examples)):
        example = examples[place]
        if len(made) == count:
            break
        if example.quality.max() <= 0.3:
            continue
        piece = _gather(example, int(example.quality.argmax()), retriever)
        answers = _given(example, piece) if piece else []
        if answers:
            made.append(Joint(example, str(draw.choice(answers))))
    return made


def train_together(
    retriever: Retriever,
    reader: Generator,
    examples: Sequence[Example],
    options: TrainingOptions,
    *,
    made: Sequence[Example] = (),
    validation: Sequence[Example] = (),
    folder: Folder | None = None,
) -> tuple[TrainReport, TrainReport | None]:
    """The reports of both stages, after the reader and the retriever's scorer have been trained in place.

    made: questions that the reader learns from besides; where there are no others, both stages are on them, and the
    retriever stays as it is. validation: what the best state is chosen by. folder: where checkpoints are kept, for the
    same call to go on from.
    """
    common = TrainOptions(
        seed=options.seed,
        batch_size=options.batch_size,
        accumulate=options.accumulate,
        patience=options.patience,
        precision=options.precision,
        device=options.device,
        max_seconds=options.max_seconds or None,
    )
    single = reader_examples([*examples, *made], retriever, count=options.reader_examples, seed=options.seed)
    built_in = isinstance(reader.model, PointerReader)
    alone = replace(common, learning_rates=READER_RATES) if built_in else replace(common, learning_rate=GENERATOR_RATE)
    first = train_reader(
        reader,
        single,
        replace(alone, eval_every=_eval_every(len(single), options)),
        frozen_layers=options.frozen_layers,
        validation=reader_examples(validation, retriever, count=MOST_VALIDATION, seed=options.seed),
        folder=folder / "reader" if folder else None,
    )
    joint = joint_examples(examples or made, retriever, count=options.joint_examples, seed=options.seed)
    if not joint:
        return first, None
    kept_out = joint_examples(validation, retriever, count=MOST_VALIDATION, seed=options.seed)
    pair = nn.ModuleDict({"reader": reader.model, "scorer": retriever.scorer})
    retriever.scorer.requires_grad_(options.train_retriever and bool(examples))

    def loss(batch: Sequence[Joint]) -> Tensor:
        return joint_loss(retriever, reader, batch, options)

    def evaluate() -> float:
        size = options.batch_size
        parts = [joint_loss(retriever, reader, kept_out[i : i + size], options) for i in range(0, len(kept_out), size)]
        return -float(torch.cat(parts).mean())

    rates = JOINT_RATES if built_in else {"reader.": GENERATOR_RATE}
    together = replace(common, epochs=options.joint_epochs, learning_rates=rates | {"scorer.": options.joint_rate})
    second = train(
        pair,
        joint,
        loss,
        replace(together, eval_every=_eval_every(options.joint_epochs * len(joint), options)),
        evaluate=evaluate if kept_out else None,
        progress="train together",
        folder=folder / "joint" if folder else None,
    )
    retriever.scorer.requires_grad_(True).to("cpu")
    return first, second


def _eval_every(examples: int, options: TrainingOptions) -> int:
    """Steps between evaluations."""
    return max(math.ceil(examples / options.batch_size) // options.evaluations, 1)


def joint_loss(retriever: Retriever, reader: Generator, batch: Sequence[Joint], options: TrainingOptions) -> Tensor:
    """-log p(y|x) of each question, shape (B,); its gradient reaches the reader and the scorer."""
    scores, _, _ = score_batch(retriever, [item.example for item in batch])
    texts, chosen = [], []
    for item, row in zip(batch, scores.detach(), strict=True):
        pieces = _chosen(item.example, row, retriever, options.evidence)
        texts.append([piece.text for _, piece in pieces])
        chosen.append([place for place, _ in pieces])
    longest = max(len(places) for places in chosen)
    log_p = torch.stack(
        [
            nn.functional.pad(torch.log_softmax(row[places], -1), (0, longest - len(places)), value=-math.inf)
            for row, places in zip(scores, chosen, strict=True)
        ]
    )
    questions = [item.example.question.question for item in batch]
    answers = [item.answer for item in batch]
    return -Rag(reader).log_prob(questions, texts, log_p, answers, options.mode)


def _chosen(example: Example, scores: Tensor, retriever: Retriever, count: int) -> list[tuple[int, Evidence]]:
    """Places and evidence of the best paths, the best one that leads to gold among them."""
    order = scores[: len(example.paths)].argsort(descending=True).tolist()
    gold = int(example.quality.argmax())
    found: list[tuple[int, Evidence]] = []
    for place in [gold, *(place for place in order if place != gold)]:
        piece = _gather(example, place, retriever)
        if piece is not None:
            found.append((place, piece))
        if len(found) == count:
            break
    return found


def _gather(example: Example, place: int, retriever: Retriever) -> Evidence | None:
    return gather(replace(example.paths[place], form=example.question.form), retriever.neighbours)


def _given(example: Example, piece: Evidence) -> list[str]:
    """The labels of the gold answers that the text of a piece of evidence spells out."""
    gold = {canonical_value(value) for value in example.question.values}
    shown = zip(piece.values, piece.labels, strict=True)
    return [label for value, label in shown if canonical_value(value_of(value)) in gold and label in piece.text]
