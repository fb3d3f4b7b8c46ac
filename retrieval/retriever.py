"""Question to evidence: mentions, seeds, candidates, p(z|x).

p(z|x) = p(form|x) p(path|x, form): the form (select, count, yes/no) by the scorer's linear layer, paths by their score
among all that could answer the form and `nothing`, each a softmax. Modes say where the seeds come from: `graph` from
mentions, `dense` from the entity vectors, `lexical` from BM25, `hybrid` from mentions and, without any, from the two
others by reciprocal rank.
"""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray

from kg.errors import UsageError
from kg.types import Encoder
from retrieval.ahead import ahead, parts_of
from retrieval.asked import Asked, Prepared, prepare
from retrieval.beside import Beside
from retrieval.classes import Classes
from retrieval.evidence import Evidence, Seed, gather
from retrieval.finalists import Finalists, finalists
from retrieval.neighbours import Neighbours
from retrieval.options import RetrievalOptions
from retrieval.question import FORMS
from retrieval.scorer import ASKED, PathScorer, Projected
from retrieval.search import search
from retrieval.wording import Wording

MODES = ("hybrid", "graph", "dense", "lexical")

SeedFinder = Callable[[Sequence[str], str], list[list[Seed]]]
"""Texts and mode to the seeds of each, best first."""


@dataclass(frozen=True)
class Retrieved:
    """Evidence, best first, whose probabilities sum to at most 1; the seeds; the probability that the graph does not
    say; milliseconds by step."""

    evidence: list[Evidence]
    seeds: list[Seed]
    nothing: float = 0.0
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
        self._projected: Projected | None = None
        self._versions: tuple[int, ...] = ()

    @cached_property
    def wording(self) -> Wording:
        """The words of the relations' names."""
        return Wording(self.neighbours.names)

    @cached_property
    def classes(self) -> Classes:
        """The classes that a question may name."""
        return Classes(self.neighbours.graph)

    @cached_property
    def frequency(self) -> NDArray[np.float32]:
        """How often each relation is stated, log10, shape (R,)."""
        counts = np.bincount(np.asarray(self.neighbours.relation), minlength=len(self.neighbours.names))
        return np.log10(np.maximum(counts, 1)).astype(np.float32)

    def projected(self) -> Projected:
        """The scorer over all relations, made anew whenever the scorer is another or has learnt something."""
        versions = tuple(parameter._version for parameter in self.scorer.parameters())
        if self._projected is None or self._projected.scorer is not self.scorer or self._versions != versions:
            self._projected, self._versions = self.scorer.project(self.relation_vectors), versions
        return self._projected

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
        """`retrieve` for many questions: the encoder reads the next ones while the paths of these are looked for."""
        if k is not None and k < 1:
            raise UsageError(f"k, the number of pieces of evidence, is at least 1, not {k}.")
        if mode not in MODES:
            raise UsageError(f"the mode {mode!r} is not known; choose one of {', '.join(MODES)}.")
        _ = self.classes  # made here, so that no two threads make them
        results = []
        for ready, durations in ahead(
            lambda part: self._read(questions[part], mode, None if seeds is None else seeds[part]),
            parts_of(len(questions)),
        ):
            for prepared in ready:
                started = time.perf_counter()
                evidence, nothing = self._evidence(prepared, k or self.options.k)
                if self.beside is not None and seeds is None and mode != "graph":
                    vector = prepared.whole if len(prepared.whole) else self.encoder.encode([prepared.question])[0]
                    evidence = self.beside(
                        prepared.question, vector, prepared.seeds, evidence, mode=mode, k=k or self.options.k
                    )
                paths_ms = (time.perf_counter() - started) * 1000
                results.append(Retrieved(evidence, list(prepared.seeds), nothing, {**durations, "paths": paths_ms}))
        return results

    def _read(
        self, questions: Sequence[str], mode: str, seeds: Sequence[Sequence[Seed]] | None
    ) -> tuple[list[Prepared], dict[str, float]]:
        """The questions made ready, and the milliseconds that each step of it took for one."""
        began = time.perf_counter()
        found = self.find_seeds(questions, mode) if seeds is None else [list(given) for given in seeds]
        linked = time.perf_counter()
        ready = prepare(questions, found, self.encoder, self.classes)
        steps = {"link": linked - began, "encode": time.perf_counter() - linked}
        return ready, {name: seconds * 1000 / len(questions) for name, seconds in steps.items()}

    def asked(self, prepared: Prepared) -> Asked:
        """A prepared question with the scores of all relations."""
        return Asked.of(prepared, self.projected(), self.wording, self.frequency)

    def finalists(self, prepared: Prepared) -> Finalists:
        """The best candidates of a question, with their answers."""
        return self._finalists(self.asked(prepared))

    def _finalists(self, asked: Asked) -> Finalists:
        found = search(asked, self.neighbours, self.options)
        return finalists(asked, found, self.neighbours, self.classes, most=self.options.finalists)

    def _evidence(self, prepared: Prepared, k: int) -> tuple[list[Evidence], float]:
        if not prepared.seeds:
            return [], 1.0
        asked = self.asked(prepared)
        best = self._finalists(asked)
        forms = dict(zip(FORMS, asked.steps.forms.tolist(), strict=True))
        ranked: list[tuple[float, str, int]] = []
        is_ask = best.shape == ASKED
        plain = _log_softmax(np.append(best.score[~is_ask], asked.steps.nothing))
        for row, log_p in zip(np.flatnonzero(~is_ask).tolist(), plain[:-1].tolist(), strict=True):
            ranked += [(log_p + forms[form], form, row) for form in ("select", "count")]
        asks = _log_softmax(best.score[is_ask]) + forms["ask"]
        for row, log_p in zip(np.flatnonzero(is_ask).tolist(), asks.tolist(), strict=True):
            ranked.append((log_p, "ask", row))
        ranked.sort(key=lambda item: -item[0])
        evidence: list[Evidence] = []
        for log_p, form, row in ranked[: 4 * k]:
            path = replace(best.paths[row], form=form)
            piece = gather(path, self.neighbours, log_p=log_p, reached=best.answers[row])
            if piece is not None:
                evidence.append(piece)
            if len(evidence) == k:
                break
        return evidence, math.exp(float(plain[-1])) * (1 - math.exp(forms["ask"]))


def _log_softmax(scores: NDArray[np.float32]) -> NDArray[np.float64]:
    if not len(scores):
        return np.zeros(0)
    shifted = scores.astype(np.float64) - scores.max()
    return np.asarray(shifted - math.log(np.exp(shifted).sum()))
