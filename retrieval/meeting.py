"""Where paths of one relation from two mentions meet, and which relations join two mentions.

Short lists of neighbours are joined by sorting them once; a long one (a hub's) is only searched in.
"""

from collections.abc import Sequence
from itertools import combinations, permutations

import numpy as np
from numpy.typing import NDArray

from kg.arrays import is_among
from retrieval.neighbours import Neighbours
from retrieval.path import Seed

LONG = 1024
"""A list of neighbours longer than this is searched in, not sorted into the others."""
_MOST_SHIFTS = 48
"""A node that more paths than this lead to joins each of them with so many others."""
_DENIED = 2
"""Relations of a mention, the best, for which yes or no may be no."""


def apart(seeds: Sequence[Seed]) -> NDArray[np.bool_]:
    """Whether two seeds may both be meant: other entities, and mentions that do not overlap; shape (n, n)."""
    start, end, entity = (np.array([getattr(seed, name) for seed in seeds]) for name in ("start", "end", "entity"))
    overlap = (start[:, None] < end) & (start < end[:, None]) & (start >= 0) & (start[:, None] >= 0)
    return np.asarray(~overlap & (entity[:, None] != entity))


def meetings(
    seeds: Sequence[Seed], tops: Sequence[NDArray[np.int64]], free: NDArray[np.bool_], neighbours: Neighbours
) -> NDArray[np.int64]:
    """Distinct (seed, relation, other seed, other relation), shape (n, 4), that lead to a node in common; seeds as
    places, the lower first. tops: the relations to look at by seed. free: as of `apart`."""
    nodes, labels, long = [], [], []
    width = len(neighbours.names)
    for number, relations in enumerate(tops):
        for relation in relations.tolist():
            reached = neighbours.follow(seeds[number].entity, relation)
            if len(reached) > LONG:
                long.append((number * width + relation, reached))
            else:
                nodes.append(reached)
                labels.append(np.full(len(reached), number * width + relation, np.int64))
    node = np.concatenate(nodes) if nodes else np.zeros(0, np.int32)
    label = np.concatenate(labels) if labels else np.zeros(0, np.int64)
    order = np.argsort(node, kind="stable")
    node, label = node[order], label[order]
    found = []
    for shift in range(1, _MOST_SHIFTS):
        same = np.flatnonzero(node[shift:] == node[:-shift])
        if not len(same):
            break
        found.append(np.stack([label[same], label[same + shift]], axis=1))
    for own, reached in long:
        inside = label[is_among(node, reached)]
        found.append(np.stack([inside, np.full(len(inside), own)], axis=1))
    for (own, reached), (other, others) in combinations(long, 2):
        if free[own // width, other // width] and is_among(*sorted((reached, others), key=len)).any():
            found.append(np.array([[own, other]]))
    every = np.concatenate(found) if found else np.zeros((0, 2), np.int64)
    every = every[free[every[:, 0] // width, every[:, 1] // width]]
    codes = np.unique(np.sort(every, axis=1) @ np.array([len(seeds) * width, 1]))
    one, other = np.divmod(codes, len(seeds) * width)
    return np.stack([one // width, one % width, other // width, other % width], axis=1)


def linked(
    seeds: Sequence[Seed], tops: Sequence[NDArray[np.int64]], free: NDArray[np.bool_], neighbours: Neighbours
) -> NDArray[np.int64]:
    """(seed, relation, other seed), shape (n, 3), seeds as places: every relation that joins two seeds, and the best
    of the relations of a seed, which may or may not lead to the other."""
    graph = neighbours.graph
    predicates = np.asarray(graph.predicates)
    found = {
        (one, int(relation), other)
        for one, other in permutations(range(len(seeds)), 2)
        if free[one, other]
        for relation in tops[one][:_DENIED]
    }
    for one, other in permutations(range(len(seeds)), 2):
        if free[one, other]:
            rows = graph.out_rows(seeds[one].entity)
            stated = np.asarray(graph.p[rows])[np.asarray(graph.o[rows]) == seeds[other].entity]
            for relation in (2 * np.searchsorted(predicates, stated)).tolist():
                if len(neighbours.follow(seeds[one].entity, relation)):
                    found |= {(one, relation, other), (other, relation + 1, one)}
    return np.array(sorted(found), np.int64).reshape(-1, 3)
