"""How much pairs of vectors are like those that a predicate holds of: by their nearest, and by a learnt form."""

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float32]

WIDTH = 9
_NEAREST = 10
_ROWS = 2048
_RIDGE = 1.0
"""Of the mean of the diagonal."""


def nearest(s: Floats, o: Floats, like_s: Floats, like_o: Floats) -> Floats:
    """What the known pairs say of others, by their nearness; shape (n, WIDTH).

    s, o: unit vectors, shape (n, d); like_s, like_o: those of known pairs, shape (m, d), m at least 1. Columns: the
    cosine of s and o; that, less its mean over the known objects and over the known subjects; mean and largest nearness
    of s to the known subjects; the same for o; largest nearness of both at once; and how near o is to the objects of
    the subjects like s, and the other way round.
    """
    found = np.zeros((len(s), WIDTH), np.float32)
    for first in range(0, len(s), _ROWS):
        part = slice(first, first + _ROWS)
        found[part] = _nearest(s[part], o[part], like_s, like_o)
    return found


def _nearest(s: Floats, o: Floats, like_s: Floats, like_o: Floats) -> Floats:
    cosine = (s * o).sum(axis=1)
    others = (s @ like_o.T).mean(axis=1) + (o @ like_s.T).mean(axis=1)
    near_s, near_o = s @ like_s.T, o @ like_o.T
    columns = [cosine, cosine - others, near_s.mean(axis=1), _top(near_s), near_o.mean(axis=1), _top(near_o)]
    np.maximum(near_s, 0.0, out=near_s)
    np.maximum(near_o, 0.0, out=near_o)
    columns.append(_top(near_s * near_o))
    for weight, value in ((near_s**4, near_o), (near_o**4, near_s)):
        columns.append((weight * value).sum(axis=1) / (weight.sum(axis=1) + 1e-6))
    return np.stack(columns, axis=1)


def learnt(s: Floats, o: Floats, label: Floats, weight: Floats, fold: Ints) -> Floats:
    """A ridge regression on both vectors and their elementwise product (Hoerl and Kennard 1970), shape (n,).

    label: 1 or -1. fold: rows of one fold are scored by what is learnt from the others; rows of fold -1 are scored by
    all folds, and never learnt from.
    """
    scale = np.float32(np.sqrt(s.shape[1]))
    x = np.concatenate([s, o, s * o * scale, np.ones((len(s), 1), np.float32)], axis=1)
    width = x.shape[1]
    moments = {}
    for k in np.unique(fold[fold >= 0]).tolist():
        rows = np.flatnonzero(fold == k)
        heavy = x[rows] * weight[rows, None]
        moments[k] = heavy.T @ x[rows], heavy.T @ label[rows]
    found = np.zeros(len(s), np.float32)
    for k in np.unique(fold).tolist():
        used = [pair for other, pair in moments.items() if other != k]
        if used:
            gram = np.sum([pair[0] for pair in used], axis=0)
            gram += np.float32(_RIDGE * np.trace(gram) / width) * np.eye(width, dtype=np.float32)
            rows = np.flatnonzero(fold == k)
            found[rows] = x[rows] @ np.linalg.solve(gram, np.sum([pair[1] for pair in used], axis=0))
    return found


def _top(values: Floats) -> Floats:
    """The mean of the largest few of each row."""
    few = min(_NEAREST, values.shape[1])
    return np.asarray(np.partition(values, -few, axis=1)[:, -few:].mean(axis=1))
