"""p(y | x, z): any transformers sequence-to-sequence model, seen as what RAG needs of a generator."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from torch import Tensor
from torch.nn import functional
from transformers import AutoConfig, AutoModelForSeq2SeqLM, AutoTokenizer

from generation.pointer import IGNORED
from kg.errors import ModelError

LONGEST = 48
"""Tokens of an answer; one that is longer is known by its beginning."""
_MOST_LETTERS = 1 << 28
"""Pairs x candidates x letters of a candidate x letters of a text, about sixteen times the numbers of one tensor."""


class Generator(Protocol):
    """What RAG needs: texts to ids, log probabilities of given answers, and ids to texts. `model` is the transformers
    model that decoding steps through. N pairs of question and evidence, S positions, C answers each, T tokens.
    """

    model: Any

    def source(self, questions: Sequence[str], evidences: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Ids and attention mask [N, S]."""

    def labels(self, answers: Sequence[str]) -> Tensor:
        """Token ids of answers, the end token included, [n, T], filled up with -100."""

    def label_log_probs(self, ids: Tensor, mask: Tensor, labels: Tensor) -> Tensor:
        """log p(y_t | x, z, y_<t), [N, C, T] from labels [N, C, T]; 0 where the label is -100."""

    def spell(self, answers: Sequence[Sequence[int]], evidences: Sequence[str]) -> list[str]:
        """The texts of token ids that were generated from the evidences."""

    def inference(self) -> AbstractContextManager[None]:
        """Evaluation mode without gradients."""

    def save(self, folder: str | Path, *, base: str | Path | None = None) -> None:
        """Writes the model to a folder; what it shares with the encoder in `base` may be left out."""


def format_input(question: str, evidence: str) -> str:
    """The text that a sequence-to-sequence model reads.

    >>> format_input("Where was Ada Lovelace born?", "Ada Lovelace | birth place | London")
    'question: Where was Ada Lovelace born? context: Ada Lovelace | birth place | London'
    """
    return f"question: {question} context: {evidence}"


@dataclass
class Seq2Seq:
    """A transformers sequence-to-sequence model with its tokenizer, as a `Generator`."""

    model: Any
    tokenizer: Any
    max_length: int = 512

    def source(self, questions: Sequence[str], evidences: Sequence[str]) -> tuple[Tensor, Tensor]:
        texts = [format_input(question, evidence) for question, evidence in zip(questions, evidences, strict=True)]
        encoded = self.tokenizer(
            texts, truncation=True, max_length=self.max_length, padding=True, return_tensors="pt"
        ).to(self.model.device)
        return encoded["input_ids"], encoded["attention_mask"]

    def labels(self, answers: Sequence[str]) -> Tensor:
        end = self.model.config.eos_token_id
        every = self.tokenizer(text_target=list(answers))["input_ids"] if answers else []
        bare = (ids[:-1] if ids[-1:] == [end] else ids for ids in every)
        return padded_labels([[*ids[:LONGEST], end] for ids in bare], self.model.device)

    def label_log_probs(self, ids: Tensor, mask: Tensor, labels: Tensor) -> Tensor:
        n, c, _ = labels.shape
        encoded = self.model.get_encoder()(input_ids=ids, attention_mask=mask)
        rows = torch.arange(n, device=ids.device).repeat_interleave(c)
        flat = labels.flatten(0, 1)
        known = flat.masked_fill(flat == IGNORED, self.model.config.pad_token_id)
        prefix = functional.pad(known[:, :-1], (1, 0), value=self.model.config.decoder_start_token_id)
        logits = self.model(
            encoder_outputs=rows_of(encoded, rows), attention_mask=mask[rows], decoder_input_ids=prefix, use_cache=False
        ).logits
        log_probs = logits.float().log_softmax(-1).gather(-1, known[..., None])[..., 0]
        return torch.where(labels == IGNORED, 0.0, log_probs.view_as(labels))

    def save(self, folder: str | Path, *, base: str | Path | None = None) -> None:  # noqa: ARG002
        """Writes model and tokenizer whole, as transformers does."""
        self.model.save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)

    def spell(self, answers: Sequence[Sequence[int]], evidences: Sequence[str]) -> list[str]:  # noqa: ARG002
        return [self.tokenizer.decode(list(ids), skip_special_tokens=True).strip() for ids in answers]

    @contextmanager
    def inference(self) -> Iterator[None]:
        self.model.eval()
        with torch.inference_mode():
            yield


def load_generator(name_or_path: str | Path, *, max_length: int = 512) -> Seq2Seq:
    """A sequence-to-sequence model by folder, or by a name that is in the local cache.

    Only safetensors weights are read, and no code that comes with a model is run. Raises ModelError.
    """
    name = str(name_or_path)
    options = {"local_files_only": True, "trust_remote_code": False}
    try:
        config = AutoConfig.from_pretrained(name, **options)
        if not config.is_encoder_decoder:
            raise ModelError(
                f"the generator {name} is a model of type {config.model_type!r}, which is not sequence-to-sequence. "
                "Choose one such as T5 or BART."
            )
        tokenizer = AutoTokenizer.from_pretrained(name, **options)
        model, loading = AutoModelForSeq2SeqLM.from_pretrained(
            name, use_safetensors=True, output_loading_info=True, **options
        )
        if loading["missing_keys"]:
            raise ValueError(f"the weights lack {sorted(loading['missing_keys'])[0]}")
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError, SafetensorError) as error:
        raise ModelError(
            f"the generator {name} cannot be loaded: {_first_line(error)} "
            "Give a folder with config.json, the tokenizer and model.safetensors."
        ) from error
    return Seq2Seq(model.eval(), tokenizer, max_length)


def score_many(
    generator: Generator,
    questions: Sequence[str],
    evidences: Sequence[Sequence[str]],
    candidates: Sequence[Sequence[Sequence[str]]],
    *,
    batch_size: int = 32,
) -> list[list[NDArray[np.float32]]]:
    """log p(y | x, z), the end of the answer included, of each evidence's own candidates, for many questions.

    batch_size: pairs of question and evidence that are encoded at a time; each is encoded once for all its candidates,
    and equal ones once altogether.
    """
    every = [
        (question, evidence, tuple(options))
        for question, all_evidence, all_options in zip(questions, evidences, candidates, strict=True)
        for evidence, options in zip(all_evidence, all_options, strict=True)
    ]
    pairs = list(dict.fromkeys(every))
    scores = [np.zeros(0, dtype=np.float32)] * len(pairs)
    order = sorted((i for i, pair in enumerate(pairs) if pair[2]), key=lambda i: len(pairs[i][0]) + len(pairs[i][1]))
    with generator.inference():
        for part in _parts(order, pairs, batch_size):
            for i, row in zip(part, _score_pairs(generator, [pairs[i] for i in part]), strict=True):
                scores[i] = row
    found = dict(zip(pairs, scores, strict=True))
    left = iter(found[pair] for pair in every)
    return [[next(left) for _ in all_evidence] for all_evidence in evidences]


def _parts(
    order: Sequence[int], pairs: Sequence[tuple[str, str, Sequence[str]]], batch_size: int
) -> Iterator[list[int]]:
    """The pairs in batches, smaller where there are many candidates or long ones: N * C * T * S stays in bounds."""
    part: list[int] = []
    largest = 0
    for i in order:
        question, evidence, options = pairs[i]
        size = len(options) * min(max(map(len, options)), 4 * LONGEST) * (len(question) + len(evidence))
        largest = max(largest, size)
        if part and (len(part) == batch_size or (len(part) + 1) * largest > _MOST_LETTERS):
            yield part
            part, largest = [], size
        part.append(i)
    if part:
        yield part


def _score_pairs(generator: Generator, pairs: Sequence[tuple[str, str, Sequence[str]]]) -> list[NDArray[np.float32]]:
    ids, mask = generator.source([pair[0] for pair in pairs], [pair[1] for pair in pairs])
    labels = generator.labels([candidate for pair in pairs for candidate in pair[2]])
    counts = [len(pair[2]) for pair in pairs]
    shared = labels.new_full((len(pairs), max(counts), labels.shape[1]), IGNORED)
    for row, own in zip(shared, torch.split(labels, counts), strict=True):
        row[: len(own)] = own
    scores = generator.label_log_probs(ids, mask, shared).sum(-1).float().cpu().numpy()
    return [row[:count] for row, count in zip(scores, counts, strict=True)]


def padded_labels(every: Sequence[Sequence[int]], device: torch.device) -> Tensor:
    """Labels [n, T] from lists of token ids, filled up with -100."""
    longest = max(map(len, every), default=1)
    padded = [[*ids, *[IGNORED] * (longest - len(ids))] for ids in every]
    return torch.tensor(padded, dtype=torch.long, device=device).view(len(every), longest)


def rows_of(encoded: Any, rows: Tensor) -> Any:
    """An encoder's output for these rows."""
    return type(encoded)(**{name: value[rows] for name, value in encoded.items() if isinstance(value, Tensor)})


def _first_line(error: Exception) -> str:
    line = str(error).strip().split("\n", 1)[0]
    return line if line.endswith(".") else line + "."
