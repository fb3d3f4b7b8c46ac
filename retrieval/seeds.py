"""The entities where a question's paths may begin, each with the log of its probability.

From mentions: every span that may name an entity gives its likeliest candidates by their prior; which of them is meant
is left to the paths, since a namesake without a relation that fits the question scores low. From the entity vectors and
from BM25 over descriptions: the nearest entities, for questions that name none.
"""

import math
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from kg.linking.aliases import Aliases
from kg.linking.english import blank_english
from kg.linking.mentions import Span, find_spans
from kg.linking.sentences import mark_sentences
from kg.linking.surfaces import without_surrogates
from kg.types import Encoder
from retrieval.evidence import Seed
from retrieval.lexical import LexicalIndex, fuse
from retrieval.vectors import EntityIndex

if TYPE_CHECKING:
    from spacy.language import Language
    from spacy.tokens import Doc

PER_MENTION = 3
"""Most candidates of one mention."""
MOST_SEEDS = 24
"""Most seeds of one question, the likeliest: each costs a reading of the question."""
NEAREST = 8
"""Entities taken from the vectors or from BM25."""
_JOINS = frozenset(("at", "by", "for", "from", "in", "of", "on"))
_INSIDE = -2.0
"""Added to the log probability of a name inside a longer one."""
_SHARPNESS = 20.0
"""What a cosine is multiplied by before it becomes a probability."""


class SeedFinder:
    """Finds seeds in one snapshot."""

    def __init__(
        self, aliases: Aliases, vectors: EntityIndex | None, lexical: LexicalIndex | None, encoder: Encoder
    ) -> None:
        self.aliases = aliases
        self.vectors = vectors
        self.lexical = lexical
        self.encoder = encoder

    def __call__(self, questions: Sequence[str], mode: str) -> list[list[Seed]]:
        """The seeds of each question, likeliest first; `mode` is one of `retrieval.retriever.MODES`."""
        if mode == "dense":
            return self.dense(questions)
        if mode == "lexical":
            return [self.lexical_seeds(question) for question in questions]
        found = self.mentioned(questions)
        if mode == "hybrid":
            without = [place for place, seeds in enumerate(found) if not seeds]
            for place, seeds in zip(without, self.fused([questions[i] for i in without]), strict=True):
                found[place] = seeds
        return found

    def mentioned(self, questions: Sequence[str]) -> list[list[Seed]]:
        """Seeds from mentions, and with less belief from the names that a preposition joins in one: "mayor of New York
        City" may be the office, or hold the city."""
        docs = [self._read(question) for question in questions]
        outer = find_spans(docs, self.aliases, question=True)
        parts = [
            (number, shorter)
            for number, (doc, spans) in enumerate(zip(docs, outer, strict=True))
            for span in spans
            for place in range(span.first + 1, span.last - 1)
            if doc[place].lower_ in _JOINS
            for shorter in (doc[span.first : place], doc[place + 1 : span.last])
        ]
        inner = find_spans([mark_sentences(part.as_doc()) for _, part in parts], self.aliases, question=True)
        seeds = [[seed for span in spans for seed in self._candidates(span, 0, 0.0)] for spans in outer]
        for (number, part), spans in zip(parts, inner, strict=True):
            seeds[number] += [seed for span in spans for seed in self._candidates(span, part.start_char, _INSIDE)]
        return [_distinct(own)[:MOST_SEEDS] for own in seeds]

    def dense(self, questions: Sequence[str]) -> list[list[Seed]]:
        """Seeds whose descriptions are nearest to the question."""
        if self.vectors is None or not questions:
            return [[] for _ in questions]
        ids, scores = self.vectors.nearest(self.encoder.encode(list(questions)), NEAREST)
        return [
            _weighted(row[row >= 0].tolist(), _SHARPNESS * score[row >= 0])
            for row, score in zip(ids, scores, strict=True)
        ]

    def lexical_seeds(self, question: str) -> list[Seed]:
        """Seeds whose descriptions share the question's words, by BM25."""
        if self.lexical is None or self.vectors is None:
            return []
        places, scores = self.lexical.search(question, NEAREST)
        return _weighted(np.asarray(self.vectors.entities)[places].tolist(), scores)

    def fused(self, questions: Sequence[str]) -> list[list[Seed]]:
        """Seeds by reciprocal rank over both."""
        found = []
        for question, dense in zip(questions, self.dense(questions), strict=True):
            lexical = self.lexical_seeds(question)
            ranked = fuse([[seed.entity for seed in dense], [seed.entity for seed in lexical]])[:NEAREST]
            found.append(_weighted([entity for entity, _ in ranked], np.log([score for _, score in ranked])))
        return found

    @cached_property
    def _language(self) -> "Language":
        return blank_english()

    def _read(self, question: str) -> "Doc":
        return mark_sentences(self._language.make_doc(without_surrogates(question)))

    def _candidates(self, span: Span, offset: int, log_p: float) -> list[Seed]:
        rows = self.aliases.span(span.row)
        ids, priors = self.aliases.candidate[rows][:PER_MENTION], self.aliases.prior[rows][:PER_MENTION]
        start, end = span.start + offset, span.end + offset
        return [
            Seed(int(entity), start, end, log_p + math.log(max(float(prior), 1e-6)))
            for entity, prior in zip(ids, priors, strict=True)
        ]


def _distinct(seeds: list[Seed]) -> list[Seed]:
    """Each entity once, where it is likeliest, in order."""
    best: dict[int, Seed] = {}
    for seed in sorted(seeds, key=_order):
        best.setdefault(seed.entity, seed)
    return list(best.values())


def _weighted(entities: list[int], scores: "np.ndarray[tuple[int], np.dtype[np.float32]]") -> list[Seed]:
    if not entities:
        return []
    log_p = np.asarray(scores, np.float64) - np.max(scores)
    log_p -= math.log(np.exp(log_p).sum())
    return [Seed(entity, -1, -1, float(value)) for entity, value in zip(entities, log_p, strict=True)]


def _order(seed: Seed) -> tuple[float, int, int]:
    return -seed.log_p, seed.start, seed.entity
