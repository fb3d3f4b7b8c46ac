"""What speaks for and against triples, as columns of numbers: what stands around their ends, and what these are like.

Columns that are learnt (from triples that the graph states and wrong ones made of them) are learnt for a triple from
the folds that it is not in.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kg.clean.around import Around
from kg.clean.corrupted import FOLDS
from kg.clean.likeness import WIDTH, learnt, nearest

Ints = NDArray[np.int64]
Floats = NDArray[np.float32]

_SURE = 2.0
"""Triples that are added to both sides of the count of a kind of path."""


@dataclass(frozen=True)
class Cases:
    """Triples to learn from, and after them those to score; shape (n,) each.

    p: term ids. stated: whether the graph states it. weight: for learning, 0 for those to score. fold: -1 for those to
    score.
    """

    p: Ints
    stated: NDArray[np.bool_]
    weight: Floats
    fold: Ints


def counts(seen: Around, a: Ints, p: Ints, b: Ints) -> Floats:
    """Logarithms of both degrees, and of the other values of the predicate (a term id) at both ends; shape (n, 4)."""
    place = np.minimum(np.searchsorted(seen.predicates, p), max(len(seen.predicates) - 1, 0))
    back = place + len(seen.predicates)
    columns = [seen.degree(a, b), seen.degree(b, a), seen.values(a, place, b), seen.values(b, back, a)]
    return np.log1p(np.stack(columns, axis=1)).astype(np.float32)


def paths(cases: Cases, row: Ints, kind: Ints, nearness: Floats) -> Floats:
    """What two-step paths between the ends say; shape (n, 3): the Adamic-Adar index, and the sum and the largest of the
    log-odds that their kinds have for the predicate (Lao and Cohen 2010). The paths are those of `Around.paths`."""
    n = len(cases.p)
    found = np.zeros((n, 3), np.float32)
    if not len(row):
        return found
    found[:, 0] = np.log1p(np.bincount(row, nearness, minlength=n))
    kind = np.unique(kind, return_inverse=True)[1]
    row, kind = np.unique(np.stack([row, kind]), axis=1)
    predicate = np.unique(cases.p, return_inverse=True)[1]
    code = np.unique(predicate[row] * (int(kind.max()) + 1) + kind, return_inverse=True)[1]
    size = int(code.max()) + 1
    used = cases.fold[row] >= 0
    cell = (code * FOLDS + cases.fold[row]) * 2 + cases.stated[row]
    table = np.bincount(cell[used], cases.weight[row[used]], minlength=size * FOLDS * 2).reshape(size, FOLDS, 2)
    others = table.sum(axis=1)[code] - np.where(used[:, None], table[code, cases.fold[row]], 0.0)
    odds = np.log((others[:, 1] + _SURE) / (others[:, 0] + _SURE))
    found[:, 1] = np.bincount(row, odds, minlength=n)
    np.maximum.at(found[:, 2], row, odds.astype(np.float32))
    return found


def alike(cases: Cases, vectors: Floats, ends: Sequence[Ints], known: Mapping[int, Sequence[Ints]]) -> Floats:
    """What `kg.clean.likeness` says for each predicate; shape (n, WIDTH + 1).

    vectors: unit vectors, shape (m, d). ends: for s and o the rows of the vectors, -1 for none. known: by predicate the
    ends of what the graph states.
    """
    vectors = np.concatenate([vectors, np.zeros((1, vectors.shape[1]), np.float32)])
    label = np.where(cases.stated, 1.0, -1.0).astype(np.float32)
    found = np.zeros((len(label), WIDTH + 1), np.float32)
    for p, (like_s, like_o) in known.items():
        rows = np.flatnonzero(cases.p == p)
        s, o = (vectors[end[rows]] for end in ends)
        found[rows, WIDTH] = learnt(s, o, label[rows], cases.weight[rows], cases.fold[rows])
        if len(like_s):
            found[rows, :WIDTH] = nearest(s, o, vectors[like_s], vectors[like_o])
    return found
