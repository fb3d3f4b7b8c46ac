"""Question to evidence: mentions, seeds, paths, p(z|x).

p(z|x) = p(form|x) p(path|x, form): the form (select, count, yes/no) by the scorer's linear layer, paths by its score,
each a softmax. Modes say where the seeds come from: `graph` from mentions, `dense` from the entity vectors, `lexical`
from BM25, `hybrid` from mentions and, without any, from the two others by reciprocal rank.
"""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from kg.errors import UsageError
from kg.types import Encoder
from retrieval.beside import Beside
from retrieval.evidence import Evidence, Path, Seed, gather
from retrieval.neighbours import Neighbours
from retrieval.options import RetrievalOptions
from retrieval.question import FORMS
from retrieval.scorer import PathScorer
from retrieval.search import score_paths, search

MODES = ("hybrid", "graph", "dense", "lexical")
MASK, OTHER = "this", "that"
"""What stands in the text that the encoder reads for the mention where a path begins, and for that of its target."""

SeedFinder = Callable[[Sequence[str], str], list[list[Seed]]]
"""Texts and mode to the seeds of each, best first."""


@dataclass(frozen=True)
class Retrieved:
    """Evidence, best first, whose probabilities sum to at most 1; the seeds; milliseconds by step."""

    evidence: list[Evidence]
    seeds: list[Seed]
    duration_ms: dict[str, float] = field(default_factory=dict)


class Retriever:
    """Finds evidence in one graph. relation_vectors: (R, 2, D), name and
    kind of each relation of `neighbours`. resolve: from the IRI that
    somebody gives to the one that stands for it in the graph. beside:
    evidence that is no path; none where seeds are given."""

    def __init__(
        self,
        neighbours: Neighbours,
        encoder: Encoder,
        relation_vectors: NDArray[np.float32],
        scorer: PathScorer,
        find_seeds: SeedFinder,
        options: RetrievalOptions | None = None,
        *,
        resolve: Callable[[str], str] = str,
        beside: Beside | None = None,
    ) -> None:
        self.neighbours = neighbours
        self.encoder = encoder
        self.relation_vectors = torch.from_numpy(np.array(relation_vectors))
        self.scorer = scorer
        self.find_seeds = find_seeds
        self.options = options or RetrievalOptions()
        self.resolve = resolve
        self.beside = beside

    def retrieve(
        self, question: str, *, k: int | None = None, mode: str = "hybrid", seeds: Sequence[Seed] | None = None
    ) -> Retrieved:
        """The `k` best pieces of evidence for a question (by default `options.k`); `seeds` given are taken as they
        are."""
        return self.retrieve_many([question], k=k, mode=mode, seeds=None if seeds is None else [seeds])[0]

    def retrieve_many(
        self,
        questions: Sequence[str],
        *,
        k: int | None = None,
        mode: str = "hybrid",
        seeds: Sequence[Sequence[Seed]] | None = None,
    ) -> list[Retrieved]:
        """`retrieve` for many questions, with one call of the encoder."""
        if k is not None and k < 1:
            raise UsageError(f"k, the number of pieces of evidence, is at least 1, not {k}.")
        if mode not in MODES:
            raise UsageError(f"the mode {mode!r} is not known; choose one of {', '.join(MODES)}.")
        began = time.perf_counter()
        found = self.find_seeds(questions, mode) if seeds is None else [list(given) for given in seeds]
        linked = time.perf_counter()
        texts = [text for question, own in zip(questions, found, strict=True) for text in masked_texts(question, own)]
        vectors = dict(zip(texts, self.encoder.encode(texts), strict=True)) if texts else {}
        encoded = time.perf_counter()
        results = []
        for question, own in zip(questions, found, strict=True):
            started = time.perf_counter()
            evidence = self._evidence(question, own, vectors, k or self.options.k)
            if self.beside is not None and seeds is None and mode != "graph":
                vector = vectors[question] if own else self.encoder.encode([question])[0]
                evidence = self.beside(question, vector, own, evidence, mode=mode, k=k or self.options.k)
            durations = {
                "link": (linked - began) * 1000 / len(questions),
                "encode": (encoded - linked) * 1000 / len(questions),
                "paths": (time.perf_counter() - started) * 1000,
            }
            results.append(Retrieved(evidence, list(own), durations))
        return results

    def _evidence(
        self, question: str, seeds: Sequence[Seed], vectors: dict[str, NDArray[np.float32]], k: int
    ) -> list[Evidence]:
        if not seeds:
            return []
        masked = np.stack([vectors[mask(question, seed)] for seed in seeds])
        found = search(seeds, masked, self.neighbours, self.scorer, self.relation_vectors, self.options)
        with torch.inference_mode():
            forms = self.scorer.form_log_probs(torch.from_numpy(vectors[question]).unsqueeze(0))[0].tolist()
        by_form = dict(zip(FORMS, forms, strict=True))
        ranked: list[tuple[float, Path]] = []
        path_log_p = _log_softmax(found.scores)
        for form in ("select", "count"):
            ranked += [
                (float(log_p) + by_form[form], Path(path.seed, path.relations, form))
                for path, log_p in zip(found.paths[: 2 * k], path_log_p, strict=False)
            ]
        asked = self._asked(question, seeds, vectors)
        if asked:
            ranked += [(log_p + by_form["ask"], path) for log_p, path in asked[: 2 * k]]
        ranked.sort(key=lambda item: -item[0])
        evidence: list[Evidence] = []
        for log_p, path in ranked:
            piece = gather(path, self.neighbours, log_p=log_p)
            if piece is not None:
                evidence.append(piece)
            if len(evidence) == k:
                break
        return evidence

    def _asked(
        self, question: str, seeds: Sequence[Seed], vectors: dict[str, NDArray[np.float32]]
    ) -> list[tuple[float, Path]]:
        """Yes/no paths between pairs of seeds, with log probabilities, best first."""
        found = pairs(seeds)
        paths, place = [], []
        for number, (seed, other) in enumerate(found):
            together = Seed(seed.entity, seed.start, seed.end, seed.log_p + other.log_p)
            for relation in self.neighbours.relations_of(seed.entity):
                paths.append(Path(together, (int(relation),), "ask", other.entity))
                place.append(number)
        if not paths:
            return []
        masked = np.stack([vectors[mask(question, *pair)] for pair in found])
        scores = score_paths(paths, masked, place, self.scorer, self.relation_vectors)
        log_p = _log_softmax(scores)
        return [(float(log_p[i]), paths[i]) for i in np.argsort(-log_p, kind="stable")]


def pairs(seeds: Sequence[Seed]) -> list[tuple[Seed, Seed]]:
    """The pairs of different entities from mentions that do not overlap, the likelier first, at most six, each in both
    orders: a path begins at the first and is to meet the second."""
    found = [
        (first, second)
        for place, first in enumerate(seeds)
        for second in seeds[place + 1 :]
        if min(first.start, second.start) >= 0
        and (first.end <= second.start or second.end <= first.start)
        and first.entity != second.entity
    ]
    best = sorted(found, key=lambda pair: -(pair[0].log_p + pair[1].log_p))[:6]
    return [order for first, second in best for order in ((first, second), (second, first))]


def mask(question: str, seed: Seed, other: Seed | None = None) -> str:
    """The question with the mention of a seed replaced by MASK, and that of another, which must not overlap, by
    OTHER."""
    marked = [(seed, MASK)] if other is None else [(seed, MASK), (other, OTHER)]
    for item, word in sorted(marked, key=lambda pair: -pair[0].start):
        if item.start >= 0:
            question = question[: item.start] + word + question[item.end :]
    return question


def masked_texts(question: str, seeds: Sequence[Seed]) -> list[str]:
    """All texts that `Retriever` needs vectors of for one question, distinct."""
    texts = [question, *(mask(question, seed) for seed in seeds)]
    texts += [mask(question, *pair) for pair in pairs(seeds)]
    return list(dict.fromkeys(texts))


def _log_softmax(scores: NDArray[np.float32]) -> NDArray[np.float64]:
    if not len(scores):
        return np.zeros(0)
    shifted = scores.astype(np.float64) - scores.max()
    return np.asarray(shifted - math.log(np.exp(shifted).sum()))
