"""The built-in reader at the level of text: questions and evidence in, scored answers out.

It is a `PointerReader` on an encoder that is already there, with its tokenizer. `train_reader` teaches it, `score`
ranks given candidates, `generate` writes answers.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from generation.generator import LONGEST, Generator, padded_labels, score_many
from generation.pointer import IGNORED, PointerReader
from generation.reader_config import PointerReaderConfig
from generation.training import TrainOptions, TrainReport, autocast, train
from kg.errors import ModelError

ALWAYS = ("yes", "no", "true", "false", "none", "-", ".", ",", *(f"##{i}" for i in range(10)), *map(str, range(101)))
"""Tokens that can be said without being read, where the tokenizer knows them."""
_STEP = 16
"""Padded lengths are multiples of this: for each shape that it meets, the library of products keeps a plan in
memory."""


@dataclass(frozen=True)
class ReaderExample:
    """A question, evidence for it, and the answer that the evidence gives."""

    question: str
    evidence: str
    answer: str


@dataclass(frozen=True, kw_only=True)
class ReaderOptions:
    """What a new reader looks like.

    encoder_layers: how many of the encoder's layers to keep, evenly spaced; None keeps all. output_vocabulary_size:
    tokens that can be said without being read. max_length: tokens of question and evidence together; the longer of them
    is cut.
    """

    encoder_layers: int | None = None
    output_vocabulary_size: int = 512
    max_length: int = 384
    seed: int = 0


@dataclass
class Reader:
    """A model and its tokenizer."""

    model: PointerReader
    tokenizer: Any
    max_length: int = 384
    precision: str = "fp32"

    @classmethod
    def from_encoder(
        cls, encoder: str | Path, options: ReaderOptions | None = None, *, answers: Iterable[str] = ()
    ) -> "Reader":
        """An untrained reader on a BERT encoder in a local folder.

        answers: texts whose most frequent tokens fill the output vocabulary. Raises ModelError if the folder holds no
        such encoder.
        """
        from generation.reader_files import load_encoder, load_tokenizer

        options = options or ReaderOptions()
        tokenizer = load_tokenizer(Path(encoder))
        base, tensors = load_encoder(Path(encoder))
        kept = spaced_layers(base.num_hidden_layers, options.encoder_layers)
        shape = {**base.to_dict(), "num_hidden_layers": len(kept)}
        config = PointerReaderConfig(
            encoder={**{name: shape[name] for name in _SHAPE}, **_NO_DROPOUT},
            kept_layers=kept,
            output_vocabulary=output_vocabulary(tokenizer, answers, options.output_vocabulary_size),
            pad_token_id=tokenizer.pad_token_id,
            decoder_start_token_id=tokenizer.cls_token_id,
            eos_token_id=tokenizer.sep_token_id,
        )
        with torch.random.fork_rng():
            torch.manual_seed(options.seed)
            model = PointerReader(config)
        model.take_encoder(tensors)
        return cls(model.eval(), tokenizer, min(options.max_length, base.max_position_embeddings))

    @classmethod
    def open(cls, folder: str | Path, *, base: str | Path | None = None) -> "Reader":
        """A saved reader; `base` is the encoder's folder, needed if it was saved without it. Raises ModelError."""
        from generation.reader_files import open_reader

        model, tokenizer, max_length = open_reader(Path(folder), Path(base) if base else None)
        return cls(model.eval(), tokenizer, max_length)

    def save(self, folder: str | Path, *, base: str | Path | None = None) -> None:
        """Writes the reader as a folder that `open` reads.

        base: store only what differs from this encoder, in float16.
        """
        from generation.reader_files import save_reader

        save_reader(self.model, self.tokenizer, self.max_length, Path(folder), Path(base) if base else None)

    def source(self, questions: Sequence[str], evidences: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Ids and mask [N, S] of N pairs, on the model's device."""
        encoded = self.tokenizer(
            list(questions),
            list(evidences),
            truncation=True,
            max_length=self.max_length,
            padding=True,
            pad_to_multiple_of=None if self.max_length % _STEP else _STEP,
            return_tensors="pt",
        ).to(self.model.device)
        return encoded["input_ids"], encoded["attention_mask"]

    def labels(self, answers: Sequence[str]) -> Tensor:
        """Labels [N, T] of N answers: the first LONGEST tokens, the end token, and -100 to fill up; on the model's
        device."""
        ids = self.tokenizer(list(answers), add_special_tokens=False)["input_ids"] if answers else []
        return padded_labels([[*tokens[:LONGEST], self.tokenizer.sep_token_id] for tokens in ids], self.model.device)

    def label_log_probs(self, ids: Tensor, mask: Tensor, labels: Tensor) -> Tensor:
        """log p(y_t | x, z, y_<t), [N, C, T] from ids and mask [N, S] and labels [N, C, T]; 0 where a label is -100."""
        return self.model.label_log_probs(self.model.encode(ids, mask), labels)

    def spell(self, answers: Sequence[Sequence[int]], evidences: Sequence[str]) -> list[str]:
        """The texts of token ids: as the evidence writes them where it holds them, else joined from the tokens."""
        read = [
            self.tokenizer(evidence, add_special_tokens=False, return_offsets_mapping=True) for evidence in evidences
        ]
        return [self._spell(ids, evidences, read) for ids in answers]

    def token_log_probs(
        self, questions: Sequence[str], evidences: Sequence[str], answers: Sequence[str]
    ) -> tuple[Tensor, Tensor]:
        """log p [N, T] of the tokens of each answer given its question and evidence, and the mask [N, T] of those that
        count. Differentiable.
        """
        labels = self.labels(answers)
        return self.model.token_log_probs(*self.source(questions, evidences), labels), labels != IGNORED

    def score(
        self, question: str, evidences: Sequence[str], candidates: Sequence[Sequence[str]]
    ) -> list[NDArray[np.float32]]:
        """log p(y | x, z), the end of the answer included, for each evidence's own candidates."""
        return self.score_many([question], [evidences], [candidates])[0]

    def score_many(
        self,
        questions: Sequence[str],
        evidences: Sequence[Sequence[str]],
        candidates: Sequence[Sequence[Sequence[str]]],
        *,
        batch_size: int = 32,
    ) -> list[list[NDArray[np.float32]]]:
        """`score` of many questions; `batch_size` pairs of question and evidence are encoded at a time."""
        return score_many(self, questions, evidences, candidates, batch_size=batch_size)

    def generate(
        self, question: str, evidences: Sequence[str], *, num_beams: int = 4, max_new_tokens: int = 32
    ) -> list[list[tuple[str, float]]]:
        """(answer, log p(y | x, z)) for each piece of evidence, best first."""
        from generation.rag import Rag

        return Rag(self).generate_each(question, list(evidences), num_beams=num_beams, max_new_tokens=max_new_tokens)

    @contextmanager
    def inference(self) -> Iterator[None]:
        """Evaluation mode, no gradients, the reader's precision."""
        self.model.eval()
        with torch.inference_mode(), autocast(self.model.device.type, self.precision):
            yield

    def rounded(self) -> "Reader":
        """The reader itself, to be trained no more: the weights of its products are rounded to its precision now, as
        autocast would do at each call."""
        if self.precision != "fp32":
            for module in self.model.modules():
                if isinstance(module, nn.Linear):
                    module.to(torch.float16 if self.precision == "fp16" else torch.bfloat16)
        return self

    def _spell(self, ids: Sequence[int], evidences: Sequence[str], read: Sequence[Any]) -> str:
        tokens = [token for token in ids if token not in self.tokenizer.all_special_ids]
        for evidence, encoded in zip(evidences, read, strict=True):
            held, offsets = encoded["input_ids"], encoded["offset_mapping"]
            for begin in range(len(held) - len(tokens) + 1 if tokens else 0):
                if held[begin : begin + len(tokens)] == tokens:
                    return evidence[offsets[begin][0] : offsets[begin + len(tokens) - 1][1]]
        return str(self.tokenizer.decode(tokens))


_NO_DROPOUT = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
_SHAPE = (
    "vocab_size",
    "hidden_size",
    "num_hidden_layers",
    "num_attention_heads",
    "intermediate_size",
    "hidden_act",
    "max_position_embeddings",
    "type_vocab_size",
    "layer_norm_eps",
    "initializer_range",
    "pad_token_id",
)


def spaced_layers(there: int, wanted: int | None) -> list[int]:
    """Which layers to keep, evenly spaced, the first and the last among them.

    >>> spaced_layers(6, 3)
    [0, 2, 5]
    """
    wanted = wanted or there
    if not 1 <= wanted <= there:
        raise ModelError(f"encoder_layers must lie between 1 and the {there} layers of the encoder, got {wanted}.")
    return [int(i) for i in np.linspace(0, there - 1, wanted)]


def output_vocabulary(tokenizer: Any, answers: Iterable[str], size: int) -> list[int]:
    """Ids, ascending, of the tokens that can be said without being read: the end token, ALWAYS, and the most frequent
    tokens of the answers, at most `size` in all.
    """
    known = tokenizer.get_vocab()
    chosen = dict.fromkeys([tokenizer.sep_token_id, *(known[token] for token in ALWAYS if token in known)])
    texts = list(answers)
    encoded = tokenizer(texts, add_special_tokens=False)["input_ids"] if texts else []
    counts = Counter(token for ids in encoded for token in ids)
    chosen.update(dict.fromkeys(token for token, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0]))))
    return sorted(list(chosen)[:size])


def train_reader(
    reader: Generator,
    examples: Sequence[ReaderExample],
    options: TrainOptions | None = None,
    *,
    frozen_layers: int = 2,
    validation: Sequence[ReaderExample] = (),
    progress: str = "train reader",
    folder: Path | None = None,
) -> TrainReport:
    """A report, after the reader, or any other generator, has learned to give the examples' answers.

    frozen_layers: the built-in reader's embeddings and this many of its lower layers stay as they are; -1 trains all.
    validation: examples that the best state is chosen by. folder: as in `train`. Raises ModelError.
    """
    freeze(reader, frozen_layers)

    def loss(batch: Sequence[ReaderExample]) -> Tensor:
        ids, mask = reader.source([example.question for example in batch], [example.evidence for example in batch])
        labels = reader.labels([example.answer for example in batch])
        return -reader.label_log_probs(ids, mask, labels[:, None])[:, 0].sum(-1)

    def evaluate() -> float:
        return float(np.mean([float(-loss(validation[i : i + 64]).mean()) for i in range(0, len(validation), 64)]))

    return train(
        reader.model,
        examples,
        loss,
        options or TrainOptions(batch_size=16, learning_rate=1e-3, learning_rates={"encoder.": 2e-4}),
        evaluate=evaluate if validation else None,
        progress=progress,
        folder=folder,
    )


def freeze(generator: Generator, layers: int) -> None:
    """Freezes the lower layers of the built-in reader's encoder; another model is left as it is."""
    if isinstance(generator.model, PointerReader):
        generator.model.freeze_encoder(layers)
