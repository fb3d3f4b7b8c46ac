"""A vector for every node from what stands around it.

The profile of a node is the set of its relations, its neighbours, and both together, weighted by their rarity (tf-idf);
a truncated singular value decomposition (Halko et al. 2011) brings it to few dimensions.
"""

import numpy as np
from numpy.typing import NDArray

from kg.clean.around import Around

Floats = NDArray[np.float32]

DIMENSION = 96
_RARE = 3
"""A feature of fewer nodes than these says nothing about others."""


def profiles(seen: Around, *, dimension: int = DIMENSION, seed: int = 0) -> Floats:
    """Unit vectors by node, shape (n_nodes, dimension or fewer); zeros for nodes that share nothing with others."""
    from scipy import sparse
    from sklearn.utils.extmath import randomized_svd

    n, width = len(seen.nodes), len(seen.predicates)
    node, other = seen.key // max(n, 1), seen.key % max(n, 1)
    relation = seen.relation.astype(np.int64)
    features = [relation, 2 * width + other, 2 * width + n + relation * n + other, seen.literals[1]]
    named, columns = np.unique(np.concatenate(features), return_inverse=True)
    rows = np.concatenate([node, node, node, seen.literals[0]])
    has = sparse.csr_matrix((np.ones(len(rows), np.float32), (rows, columns)), shape=(n, len(named)))
    has.sum_duplicates()
    has.data[:] = 1.0
    frequency = np.bincount(has.indices, minlength=len(named))
    has = has[:, frequency >= _RARE]
    rank = min(dimension, *(side - 1 for side in has.shape))
    if rank < 1:
        return np.zeros((n, 1), np.float32)
    has.data *= np.log(n / frequency[frequency >= _RARE]).astype(np.float32)[has.indices]
    length = np.sqrt(np.asarray(has.multiply(has).sum(axis=1)).ravel())
    has.data /= np.maximum(np.repeat(length, np.diff(has.indptr)), 1e-9)
    left, value, _ = randomized_svd(has, rank, n_iter=2, random_state=seed)
    return unit(left * np.sqrt(value))


def unit(vectors: Floats) -> Floats:
    """The vectors at length 1; what is nearly zero becomes zero."""
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.where(length > 1e-6, vectors / np.maximum(length, 1e-6), 0.0).astype(np.float32)
