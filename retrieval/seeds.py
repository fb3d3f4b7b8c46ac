"""The entities where a question's paths may begin, each with the log of its probability.

From mentions (`retrieval.mentioned`): every span that may name an entity gives its likeliest candidates; which of them
is meant is left to the paths, since a namesake without a relation that fits the question scores low. From the entity
vectors and from BM25 over descriptions: the nearest entities, for questions that name none.
"""

import math
from collections.abc import Sequence

import numpy as np

from kg.linking.aliases import Aliases
from kg.types import Encoder
from retrieval.evidence import Seed
from retrieval.lexical import LexicalIndex, fuse
from retrieval.mentioned import mentioned
from retrieval.vectors import EntityIndex

NEAREST = 8
"""Entities taken from the vectors or from BM25."""
UNSURE = -2.0
"""The log of a probability of the likeliest mention, below which a question may as well name nothing."""
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
            unsure = [place for place, seeds in enumerate(found) if not seeds or seeds[0].log_p < UNSURE]
            for place, seeds in zip(unsure, self.fused([questions[i] for i in unsure]), strict=True):
                found[place] = _together(found[place], seeds)
        return found

    def mentioned(self, questions: Sequence[str]) -> list[list[Seed]]:
        """Seeds from mentions."""
        return [mentioned(question, self.aliases) for question in questions]

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


def _together(one: list[Seed], other: list[Seed]) -> list[Seed]:
    """Each entity once, where it is likeliest, in order."""
    best: dict[int, Seed] = {}
    for seed in sorted([*one, *other], key=lambda seed: -seed.log_p):
        best.setdefault(seed.entity, seed)
    return list(best.values())


def _weighted(entities: list[int], scores: "np.ndarray[tuple[int], np.dtype[np.float32]]") -> list[Seed]:
    if not entities:
        return []
    log_p = np.asarray(scores, np.float64) - np.max(scores)
    log_p -= math.log(np.exp(log_p).sum())
    return [Seed(entity, -1, -1, float(value)) for entity, value in zip(entities, log_p, strict=True)]
