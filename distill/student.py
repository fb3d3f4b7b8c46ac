"""The student: a small reader that reads all likely evidence at once, where the teacher runs once per piece and mixes.

It learns the teacher's mixed distribution over the next token,

    p(y_t | x, y_<t) = sum over z of p(z | x, y_<t) p(y_t | x, z, y_<t),

whose product over the tokens is the p(y|x) of RAG-Sequence that the teacher answers by. It learns it by KL at a
temperature, and the gold answer by cross-entropy. So it saves a factor K before it is even smaller (Fusion in Decoder
reads all passages too, Izacard and Grave 2021; here they are one input). Its layers are taken evenly from the
teacher's, as DistilBERT does (Sanh et al. 2019).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path as Folder

import numpy as np
import torch
from torch import Tensor

from distill.losses import distillation_loss
from distill.options import DistillOptions
from generation.answer import Prediction, rank, shown_labels
from generation.generator import Generator
from generation.marginal import sequence_token_distributions
from generation.pointer import IGNORED, PointerReader
from generation.reader import Reader, spaced_layers
from generation.reader_config import PointerReaderConfig
from generation.teach import with_precision
from generation.training import TrainOptions, TrainReport, train
from kg.errors import ModelError
from retrieval.evidence import Evidence

FUSED_LENGTH = 384
"""Tokens of question and all evidence together that a student reads."""
LIKELY = 0.95
"""The share of p(z|x) that a student reads; an answer that only the rest holds is not given."""
_SEPARATOR = " || "
_LINE = 240
"""Most characters of one piece of evidence in the fused text."""


@dataclass(frozen=True)
class DistillExample:
    """A question, its evidence with log p(z|x), and the answer to be forced on both models."""

    question: str
    evidence: tuple[Evidence, ...]
    answer: str


class Student:
    """Answers by one run of its reader over the fused evidence."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader

    @classmethod
    def from_teacher(cls, teacher: Reader, encoder_layers: int) -> "Student":
        """A student with evenly spaced layers of the teacher's encoder, and its decoder."""
        config = teacher.model.config
        layers = len(config.kept_layers)
        kept = spaced_layers(layers, min(encoder_layers, layers))
        shape = {**config.encoder, "num_hidden_layers": len(kept)}
        small = PointerReaderConfig(
            **{**config.to_dict(), "encoder": shape, "kept_layers": [config.kept_layers[i] for i in kept]}
        )
        model = PointerReader(small)
        place = {old: new for new, old in enumerate(kept)}
        state = {}
        for name, tensor in teacher.model.state_dict().items():
            parts = name.split(".")
            if "layer" in parts:
                at = parts.index("layer") + 1
                if int(parts[at]) not in place:
                    continue
                parts[at] = str(place[int(parts[at])])
            state[".".join(parts)] = tensor.clone()
        model.load_state_dict(state)
        longest = min(FUSED_LENGTH, config.encoder_config.max_position_embeddings)
        return cls(Reader(model.eval(), teacher.tokenizer, max(teacher.max_length, longest)))

    @classmethod
    def open(cls, folder: Folder) -> "Student":
        """The student written by `save`."""
        return cls(with_precision(Reader.open(folder)))

    def save(self, folder: Folder) -> None:
        """Writes the student in float16: half the bytes, and no answer lost by it in practice."""
        self.reader.model.to(torch.float16)
        self.reader.save(folder)
        self.reader.model.to(torch.float32)

    def predict(self, questions: Sequence[str], evidence: Sequence[Sequence[Evidence]]) -> list[Prediction]:
        """One prediction per question; the sets compete as with the teacher, with p(y|x, all evidence) for p(y|x,z)."""
        asked = [place for place, pieces in enumerate(evidence) if pieces]
        labels = [
            list(dict.fromkeys(label for own in likely(evidence[i]) for label in shown_labels(own))) for i in asked
        ]
        scores = self.reader.score_many(
            [questions[i] for i in asked], [[fuse(evidence[i])] for i in asked], [[own] for own in labels]
        )
        predictions = [rank((), ()) for _ in questions]
        for place, own, row in zip(asked, labels, scores, strict=True):
            by_label = dict(zip(own, row[0], strict=True))
            log_p = [
                np.array([by_label.get(label, -np.inf) for label in shown_labels(piece)], np.float32)
                for piece in evidence[place]
            ]
            predictions[place] = rank(evidence[place], log_p)
        return predictions


def likely(evidence: Sequence[Evidence]) -> list[Evidence]:
    """The pieces that together have `LIKELY` of the probability of all, as few as can be, the most probable first."""
    ordered = sorted(evidence, key=lambda piece: -piece.log_p)
    log_p = np.array([piece.log_p for piece in ordered], np.float64)
    share = np.exp(log_p - np.logaddexp.reduce(log_p)) if len(log_p) else log_p
    return ordered[: int(np.searchsorted(np.cumsum(share), LIKELY)) + 1]


def fuse(evidence: Sequence[Evidence]) -> str:
    """The likely evidence as one text, the most probable first."""
    return _SEPARATOR.join(piece.text[:_LINE] for piece in likely(evidence))


def train_student(
    student: Student, teacher: Generator, examples: Sequence[DistillExample], options: DistillOptions
) -> TrainReport:
    """The report, after the student has learned in place: from the teacher's distribution and the answers, or with
    alpha = 0 from the answers alone, as from a teacher behind an API. Raises ModelError if the vocabularies differ and
    alpha is not 0."""
    if options.alpha > 0 and not isinstance(teacher, Reader):
        raise ModelError(
            "this teacher has another vocabulary than the student, so its distributions cannot be learned from. "
            "Set alpha = 0 under [distill], to learn from its answers."
        )

    def loss(batch: Sequence[DistillExample]) -> Tensor:
        labels = student.reader.labels([example.answer for example in batch])
        ids, mask = student.reader.source(
            [example.question for example in batch], [fuse(example.evidence) for example in batch]
        )
        if not isinstance(teacher, Reader) or options.alpha == 0:
            log_probs = student.reader.label_log_probs(ids, mask, labels[:, None])[:, 0]
            return -log_probs.sum(-1) / (labels != IGNORED).sum(-1)
        teacher.model.to(labels.device)
        support, soft = teacher_distribution(teacher, batch, labels, also=ids)
        own = student.reader.model.distribution(student.reader.model.encode(ids, mask), labels, support)
        places = torch.where(labels == IGNORED, IGNORED, torch.searchsorted(support, labels.clamp(min=0)))
        return distillation_loss(
            own.float(), soft, places, temperature=options.temperature, alpha=options.alpha, ignored=IGNORED
        )

    student.reader.model.freeze_encoder(-1)
    return train(
        student.reader.model,
        examples,
        loss,
        TrainOptions(
            seed=options.seed,
            epochs=options.epochs,
            batch_size=options.batch_size,
            learning_rate=options.learning_rate,
            learning_rates={"encoder.": options.encoder_learning_rate},
            precision=options.precision,
            device=options.device,
            max_seconds=options.max_seconds or None,
        ),
        progress="distil",
    )


@torch.no_grad()
def teacher_distribution(
    teacher: Reader, batch: Sequence[DistillExample], labels: Tensor, *, also: Tensor
) -> tuple[Tensor, Tensor]:
    """(support, log distribution): what the teacher says next with the labels forced, shape (B, T, U), over the U
    tokens that occur in the batch's texts, in `also`, in the labels, or in the output vocabulary; all others have no
    mass to speak of."""
    counts = [len(example.evidence) for example in batch]
    rows = torch.arange(len(batch)).repeat_interleave(torch.tensor(counts))
    ids, mask = teacher.source(
        [example.question for example in batch for _ in example.evidence],
        [piece.text for example in batch for piece in example.evidence],
    )
    sayable = torch.tensor(teacher.model.config.output_vocabulary, device=ids.device)
    support = torch.unique(torch.cat([ids.flatten(), also.flatten(), labels.clamp(min=0).flatten(), sayable]))
    teacher.model.eval()
    tokens = teacher.model.distribution(teacher.model.encode(ids, mask), labels[rows], support).float()
    places = torch.searchsorted(support, labels.clamp(min=0))[rows]
    forced = tokens.gather(-1, places[..., None])[..., 0].masked_fill(labels[rows] == IGNORED, 0.0)
    mixed = []
    for example, own, said in zip(batch, torch.split(tokens, counts), torch.split(forced, counts), strict=True):
        log_p = torch.tensor([piece.log_p for piece in example.evidence], device=own.device).log_softmax(-1)
        mixed.append(sequence_token_distributions(log_p[None], own[None], said[None])[0])
    return support, torch.stack(mixed)
