"""Where to begin without a mention: the entities whose descriptions are like the question.

Three rankings: by the cosine of the vectors (FAISS), by BM25, and by TF-IDF with pairs of words. They are fused by
reciprocal rank; the vectors count twice.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from kg.graph import Ids
from kg.types import Encoder
from retrieval.evidence import Seed
from retrieval.lexical import LexicalIndex, fuse
from retrieval.tfidf import TfidfIndex
from retrieval.vectors import EntityIndex

NEAREST = 8
"""Entities that a question without a mention may begin at."""
DEEP = 50
"""Entities of each ranking that are fused."""
RANK = 10
"""The constant of reciprocal rank fusion: the first places count for more than with the usual 60, since few are taken.
"""
SHARPNESS = 20.0
"""What a cosine is multiplied by before it becomes a probability."""


class Entry:
    """The entities of one snapshot by their descriptions."""

    def __init__(self, vectors: EntityIndex, lexical: LexicalIndex, tfidf: TfidfIndex, encoder: Encoder) -> None:
        self.vectors = vectors
        self.lexical = lexical
        self.tfidf = tfidf
        self.encoder = encoder

    def __call__(self, questions: Sequence[str], mode: str) -> list[list[Seed]]:
        """The seeds of each question, likeliest first: by `dense`, by `lexical` (BM25), or by all, fused."""
        if not questions:
            return []
        if mode == "lexical":
            return [self._by_words(question) for question in questions]
        if mode == "dense":
            return [
                weighted(row.tolist(), SHARPNESS * score)
                for row, score in map(_known, *self.nearest(questions, NEAREST))
            ]
        return [
            weighted([entity for entity, _ in best], np.log([score for _, score in best]))
            for best in (ranking[:NEAREST] for ranking in self.fused(questions))
        ]

    def nearest(self, questions: Sequence[str], k: int) -> tuple[Ids, NDArray[np.float32]]:
        """Entities and cosines, shape (n, k), as `EntityIndex.nearest` gives them."""
        return self.vectors.nearest(self.encoder.encode(list(questions)), k)

    def rankings(self, questions: Sequence[str], k: int = DEEP) -> list[dict[str, list[int]]]:
        """For each question the best `k` entities by `dense`, `bm25` and `tfidf`, best first."""
        entities = np.asarray(self.vectors.entities)
        return [
            {
                "dense": row[row >= 0].tolist(),
                "bm25": entities[self.lexical.search(question, k)[0]].tolist(),
                "tfidf": entities[self.tfidf.search(question, k)[0]].tolist(),
            }
            for question, row in zip(questions, self.nearest(questions, k)[0], strict=True)
        ]

    def fused(self, questions: Sequence[str], k: int = DEEP) -> list[list[tuple[int, float]]]:
        """Entities with their fused scores, best first."""
        return [
            fuse([found["dense"], found["dense"], found["bm25"], found["tfidf"]], k=RANK)
            for found in self.rankings(questions, k)
        ]

    def _by_words(self, question: str) -> list[Seed]:
        places, scores = self.lexical.search(question, NEAREST)
        return weighted(np.asarray(self.vectors.entities)[places].tolist(), scores)


def weighted(entities: Sequence[int], scores: NDArray[np.floating]) -> list[Seed]:
    """Entities as seeds without a mention, their probabilities the softmax of the scores."""
    if not len(entities):
        return []
    log_p = np.asarray(scores, np.float64) - np.max(scores)
    log_p -= math.log(np.exp(log_p).sum())
    return [Seed(entity, -1, -1, float(value)) for entity, value in zip(entities, log_p, strict=True)]


def _known(ids: Ids, scores: NDArray[np.float32]) -> tuple[Ids, NDArray[np.float32]]:
    return ids[ids >= 0], scores[ids >= 0]
