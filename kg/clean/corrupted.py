"""Triples that the graph states, and wrong ones made of them: what plausibility is learnt from.

As link prediction makes its negatives (Bordes et al. 2013), but kept hard: what replaces a subject or an object is one
of the same predicate, as often as the graph has it.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]

STATED, OBJECT, SUBJECT, BOTH, PREDICATE, ANY = range(6)
"""What was replaced to make a triple; STATED is what the graph states."""
FOLDS = 3


@dataclass(frozen=True)
class Made:
    """Triples of term ids, shape (n, 3). kind: what was replaced. fold: from 0 to FOLDS - 1; a triple and what was made
    of it share it. known: for each predicate (term id) other triples that the graph states, shape (m, 3)."""

    triples: Ints
    kind: Ints
    fold: Ints
    known: dict[int, Ints]


def corrupt(triples: Ints, predicates: Ints, *, most: int, known: int, fewest: int = 2, seed: int = 0) -> Made:
    """Of each predicate at most `most` and no more than a half of its triples, with five wrong ones made from each, and
    at most `known` of the others.

    triples: what the graph states, shape (n, 3). Predicates with less than `fewest` are left out. What comes out wrong
    but is stated all the same is dropped.
    """
    draw = np.random.default_rng(seed)
    order = np.argsort(triples[:, 1], kind="stable")
    low, high = (np.searchsorted(triples[order, 1], predicates, side) for side in ("left", "right"))
    sampled: list[Ints] = []
    others: dict[int, Ints] = {}
    for p, first, last in zip(predicates.tolist(), low.tolist(), high.tolist(), strict=True):
        if last - first >= fewest:
            n = min(most, (last - first) // 2)
            drawn = draw.permutation(order[first:last])[: n + known]
            sampled.append(triples[drawn[:n]])
            others[p] = triples[drawn[n:]]
    if not sampled:
        return Made(np.zeros((0, 3), np.int64), np.zeros(0, np.int64), np.zeros(0, np.int64), others)
    every = np.concatenate([*sampled, *others.values()])
    parts = [_replaced(own, np.concatenate([own, others[int(own[0, 1])]]), every, draw) for own in sampled]
    made, kind, fold = (np.concatenate(column) for column in zip(*parts, strict=True))
    keep = (kind == STATED) | (~_isin(made, triples) & (made[:, 0] != made[:, 2]))
    return Made(made[keep], kind[keep], fold[keep], others)


def _replaced(own: Ints, same: Ints, every: Ints, draw: np.random.Generator) -> tuple[Ints, Ints, Ints]:
    """The triples of one predicate with what is made of them, what was replaced, and their folds."""
    n = len(own)
    s, p, o = own.T
    one, two = (same[draw.integers(len(same), size=n)] for _ in range(2))
    swapped, left, right = (every[draw.integers(len(every), size=n)] for _ in range(3))
    ends = [
        (s, o),
        (s, one[:, 2]),
        (two[:, 0], o),
        (one[draw.permutation(n), 0], two[draw.permutation(n), 2]),
        (swapped[:, 0], swapped[:, 2]),
        (left[:, 0], np.where(draw.random(n) < 0.5, right[:, 0], right[:, 2])),
    ]
    made = np.concatenate([np.stack([a, p, b], axis=1) for a, b in ends])
    return made, np.repeat(np.arange(len(ends)), n), np.tile(np.arange(n) % FOLDS, len(ends))


def _isin(triples: Ints, stated: Ints) -> NDArray[np.bool_]:
    """Whether each triple is stated: compared by number, with those of the same predicates alone."""
    stated = stated[np.isin(stated[:, 1], triples[:, 1])]
    predicates = np.unique(triples[:, 1])
    n = int(max(triples.max(initial=0), stated.max(initial=0))) + 1

    def key(rows: Ints) -> Ints:
        return (np.searchsorted(predicates, rows[:, 1]) * n + rows[:, 0]) * n + rows[:, 2]

    return np.isin(key(triples), key(stated))
