"""What the sentence parts of known relations have in common: the text side of relation extraction.

Two statistics, both gathered by distant supervision (Mintz et al. 2009): naive Bayes weights of words and word pairs
for each predicate, and the mean vector of the encoded sentence parts that state it. Both know the direction: features
are marked with it, and there is one mean for each.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kg.linking.surfaces import hash_surfaces
from kg.relations.patterns import Pair

SMOOTHING = 0.5
MIN_PAIRS = 2
"""Features seen with fewer pairs say nothing."""

Matrix = NDArray[np.float32]


@dataclass(frozen=True)
class Evidence:
    """hashes: sorted, of the features. base: by feature, its weight for predicates it was never seen with. weights:
    sparse (features, predicates), what is added to the base. pairs: how many were seen. count: positive ones by
    predicate. centroids: shape (2, predicates, dimension), for pairs whose object and whose subject comes first; zero
    where there is none."""

    hashes: NDArray[np.uint64]
    base: Matrix
    weights: Any
    pairs: int
    count: NDArray[np.int64]
    centroids: Matrix

    def lexical(self, features: Any) -> Matrix:
        """Log odds, shape (pairs, predicates), of sparse rows from `feature_rows`.

        The predicate's log rate plus the features' mean weight times the root of their number: they are far from
        independent.
        """
        size = np.maximum(np.asarray(features.sum(axis=1)), 1.0).reshape(-1, 1)
        total = np.asarray((features @ self.weights).todense()) + (features @ self.base).reshape(-1, 1)
        rate = np.log((self.count + SMOOTHING) / (self.pairs + 1.0))
        return np.asarray(rate + np.where(self.count > 0, total / np.sqrt(size), 0.0), dtype=np.float32)


def feature_rows(pairs: Sequence[Pair], hashes: NDArray[np.uint64]) -> Any:
    """A sparse 0/1 matrix (pairs, hashes): the known features of each pair."""
    from scipy import sparse

    wanted = hash_surfaces(feature for pair in pairs for feature in pair.features)
    row = np.repeat(np.arange(len(pairs)), [len(pair.features) for pair in pairs])
    place = np.minimum(np.searchsorted(hashes, wanted), max(len(hashes) - 1, 0))
    known = hashes[place] == wanted if len(hashes) else np.zeros(len(wanted), dtype=bool)
    data = np.ones(int(known.sum()), np.float32)
    return sparse.csr_matrix((data, (row[known], place[known])), shape=(len(pairs), len(hashes)))


def gather(pairs: Sequence[Pair], positives: Any, vectors: Matrix | None) -> Evidence:
    """The evidence of pairs; `positives` is a sparse 0/1 matrix (pairs, predicates), `vectors` the encoded segments."""
    hashes, seen = np.unique(hash_surfaces(f for pair in pairs for f in pair.features), return_counts=True)
    features = feature_rows(pairs, hashes[seen >= MIN_PAIRS])
    with_feature = np.asarray(features.sum(axis=0)).ravel()
    count = np.asarray(positives.sum(axis=0)).ravel().astype(np.int64)
    rate = np.maximum(count / max(len(pairs), 1), 1e-12)
    base = np.log(SMOOTHING / (with_feature + SMOOTHING))
    both = (features.T @ positives).tocoo()
    odds = (both.data + SMOOTHING * rate[both.col]) / (with_feature[both.row] + SMOOTHING) / rate[both.col]
    weights = both.copy()
    weights.data = (np.log(odds) - base[both.row]).astype(np.float32)
    centroids = np.zeros((2, len(count), 0 if vectors is None else vectors.shape[1]), np.float32)
    if vectors is not None:
        forward = np.array([pair.forward for pair in pairs], dtype=bool)
        for side in (0, 1):
            rows = np.flatnonzero(forward == bool(side))
            centroids[side] = positives[rows].T @ vectors[rows]
        centroids /= np.maximum(np.linalg.norm(centroids, axis=2, keepdims=True), 1e-9)
    return Evidence(hashes[seen >= MIN_PAIRS], base.astype(np.float32), weights.tocsr(), len(pairs), count, centroids)
