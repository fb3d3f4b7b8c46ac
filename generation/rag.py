"""RAG: answers as the marginal over evidence, p(y | x) = sum over z of p(z | x) p(y | x, z).

Lewis et al. 2020 (arXiv 2005.11401): RAG-Sequence takes one piece of evidence to be behind a whole answer, RAG-Token
one behind each token. Decoding follows their section 2.5. Where p(z | x) comes from is not known here.
"""

import inspect
import math
from collections.abc import Sequence
from typing import Any, Literal, get_args

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from generation.decoding import Hypothesis, beam_search
from generation.generator import Generator, format_input, load_generator, padded_labels, rows_of
from generation.marginal import mix_token_distributions, rag_sequence_log_prob, rag_token_log_prob
from generation.pointer import IGNORED

__all__ = ["Mode", "Rag", "format_input", "load_generator"]

Mode = Literal["sequence", "token"]
Decoding = Literal["thorough", "fast"]


class Rag:
    """A generator, marginalised over evidence. In all methods log p(z | x) is -inf for evidence that is not there."""

    def __init__(self, generator: Generator) -> None:
        self.generator = generator

    def log_prob(
        self,
        questions: Sequence[str],
        evidences: Sequence[Sequence[str]],
        doc_log_probs: Tensor,
        answers: Sequence[str],
        mode: Mode = "sequence",
    ) -> Tensor:
        """log p(y | x) of one answer per question, [B]; differentiable in the model and in `doc_log_probs`.

        doc_log_probs: log p(z | x), [B, K], K at least the longest list of evidence. A question without evidence gets
        -inf.
        """
        _check(questions, evidences, doc_log_probs)
        rows = [(b, k) for b, pieces in enumerate(evidences) for k in range(len(pieces))]
        labels = self.generator.labels(answers)
        device = labels.device
        b, k = torch.tensor(rows, dtype=torch.long, device=device).view(-1, 2).unbind(-1)
        docs = doc_log_probs.to(device)
        there = torch.zeros(docs.shape, dtype=torch.bool, device=device)
        there[b, k] = True
        tokens = torch.zeros(*docs.shape, labels.shape[1], device=device)
        if rows:
            source = self.generator.source([questions[i] for i, _ in rows], [evidences[i][j] for i, j in rows])
            tokens = tokens.index_put((b, k), self.generator.label_log_probs(*source, labels[b][:, None])[:, 0].float())
        return _marginal(torch.where(there, docs, -torch.inf), tokens, labels != IGNORED, mode)

    def score(
        self,
        questions: Sequence[str],
        evidences: Sequence[Sequence[str]],
        doc_log_probs: ArrayLike,
        candidates: Sequence[Sequence[str]],
        mode: Mode = "sequence",
    ) -> list[NDArray[np.float32]]:
        """log p(y | x) of each question's candidates; each piece of evidence is encoded once."""
        docs = torch.as_tensor(np.asarray(doc_log_probs, dtype=np.float32), device=self.generator.model.device)
        _check(questions, evidences, docs)
        scores = []
        with self.generator.inference():
            for question, pieces, own, options in zip(questions, evidences, docs, candidates, strict=True):
                labels = self.generator.labels(options)
                scores.append(self._score_labels(question, pieces, own, labels, mode).float().cpu().numpy())
        return scores

    def generate(
        self,
        question: str,
        evidences: Sequence[str],
        doc_log_probs: ArrayLike,
        *,
        mode: Mode = "token",
        decoding: Decoding = "thorough",
        num_beams: int = 4,
        max_new_tokens: int = 32,
    ) -> list[tuple[str, float]]:
        """(answer, log p(y | x)), best first.

        token: beam search over the mixed distribution. sequence: beam search for each piece of evidence; `thorough`
        scores all that is found under all evidence, `fast` takes what a piece of evidence did not find to be impossible
        given it.
        An answer is cut at `max_new_tokens`. Token sequences that read the same are one answer.
        """
        if mode not in get_args(Mode) or decoding not in get_args(Decoding):
            raise ValueError(f"mode is sequence or token, decoding thorough or fast; got {mode!r} and {decoding!r}.")
        docs = torch.as_tensor(np.asarray(doc_log_probs, dtype=np.float32), device=self.generator.model.device)
        _check([question], [evidences], docs[None])
        if not evidences:
            return []
        docs = docs[: len(evidences)]
        with self.generator.inference():
            if mode == "token":
                (found,) = self._search(question, evidences, docs[None], num_beams, max_new_tokens)
                return self._texts(found, evidences)
            each = self._search(question, evidences, torch.zeros_like(docs)[:, None], num_beams, max_new_tokens)
            if decoding == "fast":
                summed: dict[tuple[int, ...], float] = {}
                for prior, hypotheses in zip(docs.tolist(), each, strict=True):
                    for ids, log_prob in hypotheses:
                        summed[ids] = _logaddexp(summed.get(ids, -math.inf), prior + log_prob)
                return self._texts(list(summed.items()), evidences)
            union = sorted({ids for hypotheses in each for ids, _ in hypotheses})
            labels = padded_labels(union, docs.device)
            scores = self._score_labels(question, evidences, docs, labels, "sequence")
            return self._texts(list(zip(union, scores.tolist(), strict=True)), evidences)

    def generate_each(
        self, question: str, evidences: Sequence[str], *, num_beams: int = 4, max_new_tokens: int = 32
    ) -> list[list[tuple[str, float]]]:
        """(answer, log p(y | x, z)), best first, for each piece of evidence by itself."""
        if not evidences:
            return []
        with self.generator.inference():
            certain = torch.zeros(len(evidences), 1, device=self.generator.model.device)
            each = self._search(question, evidences, certain, num_beams, max_new_tokens)
            return [self._texts(found, [piece]) for found, piece in zip(each, evidences, strict=True)]

    def _score_labels(
        self, question: str, evidences: Sequence[str], docs: Tensor, labels: Tensor, mode: Mode
    ) -> Tensor:
        """log p(y | x) [C] of labels [C, T] under the evidence of one question, docs [K]."""
        if not evidences or not len(labels):
            return torch.full((len(labels),), -torch.inf, device=labels.device)
        source = self.generator.source([question] * len(evidences), evidences)
        tokens = self.generator.label_log_probs(*source, labels.expand(len(evidences), *labels.shape)).float()
        docs = docs[: len(evidences)].expand(len(labels), -1)
        return _marginal(docs, tokens.transpose(0, 1), labels != IGNORED, mode)

    def _search(
        self, question: str, evidences: Sequence[str], docs: Tensor, num_beams: int, max_new_tokens: int
    ) -> list[list[Hypothesis]]:
        """One beam search for each row of docs [G, K], which share out the G x K pieces of evidence in order."""
        model = self.generator.model
        steps = _Steps(model, *self.generator.source([question] * len(evidences), evidences), docs)
        return beam_search(
            steps,
            groups=len(docs),
            start=model.config.decoder_start_token_id,
            end=model.config.eos_token_id,
            num_beams=num_beams,
            max_new_tokens=max_new_tokens,
            device=model.device,
        )

    def _texts(self, found: Sequence[Hypothesis], evidences: Sequence[str]) -> list[tuple[str, float]]:
        summed: dict[str, float] = {}
        for text, (_, log_prob) in zip(self.generator.spell([ids for ids, _ in found], evidences), found, strict=True):
            summed[text] = _logaddexp(summed.get(text, -math.inf), log_prob)
        return sorted(summed.items(), key=lambda item: (-item[1], item[0]))


class _Steps:
    """The mixed log distribution of the next token for growing prefixes.

    G searches of N beams over K pieces of evidence each; rows lie in the order [G, N, K].
    """

    def __init__(self, model: Any, ids: Tensor, mask: Tensor, docs: Tensor) -> None:
        self.model, self.mask, self.docs = model, mask, docs
        self.encoded = model.get_encoder()(input_ids=ids, attention_mask=mask)
        self.cache: Any = None
        taken = inspect.signature(model.forward).parameters
        self.last_only = {"logits_to_keep": 1} if "logits_to_keep" in taken else {}
        self.beams = 1

    def __call__(self, prefix: Tensor, parents: Tensor) -> Tensor:
        groups, beams, _ = prefix.shape
        pieces = self.docs.shape[1]
        group = torch.arange(groups, device=prefix.device)[:, None, None]
        piece = torch.arange(pieces, device=prefix.device)
        rows = (group * pieces + piece).expand(groups, beams, pieces).flatten()
        read = prefix[:, :, None].expand(-1, -1, pieces, -1).flatten(0, 2)
        if self.cache is not None:
            self.cache.reorder_cache(((group * self.beams + parents[..., None]) * pieces + piece).flatten())
            read = read[:, -1:]
        out = self.model(
            encoder_outputs=rows_of(self.encoded, rows),
            attention_mask=self.mask[rows],
            decoder_input_ids=read,
            past_key_values=self.cache,
            use_cache=True,
            **self.last_only,
        )
        self.cache, self.beams = out.get("past_key_values"), beams
        log_probs = out.logits[:, -1].float().log_softmax(-1).view(groups, beams, pieces, -1)
        return mix_token_distributions(self.docs, log_probs.transpose(1, 2))


def _marginal(docs: Tensor, tokens: Tensor, mask: Tensor, mode: Mode) -> Tensor:
    if mode not in ("sequence", "token"):
        raise ValueError(f'mode must be "sequence" or "token", got {mode!r}')
    return (rag_sequence_log_prob if mode == "sequence" else rag_token_log_prob)(docs, tokens, mask)


def _check(questions: Sequence[str], evidences: Sequence[Sequence[str]], docs: Tensor) -> None:
    longest = max(map(len, evidences), default=0)
    if docs.dim() != 2 or len(docs) != len(questions) or len(evidences) != len(questions) or docs.shape[1] < longest:
        raise ValueError(
            f"doc_log_probs must have shape ({len(questions)}, at least {longest}) for {len(questions)} questions and "
            f"{len(evidences)} lists of evidence, got {tuple(docs.shape)}"
        )


def _logaddexp(a: float, b: float) -> float:
    return float(np.logaddexp(a, b))
