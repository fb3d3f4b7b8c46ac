"""Where paths of one relation from two mentions meet, and which relations join two mentions.

Short lists of neighbours are joined by sorting them once; a long one (a hub's) is only searched in.
"""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from kg.arrays import is_among, spread
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
    width = len(neighbours.names)
    entities, owners, relations = _flat(seeds, tops)
    place, node = neighbours.follow_each(entities[owners], relations)
    labels = owners * width + relations
    is_long = np.bincount(place, minlength=len(labels)) > LONG
    long = [(int(labels[path]), node[place == path]) for path in np.flatnonzero(is_long).tolist()]
    node, label = node[~is_long[place]], labels[place[~is_long[place]]]
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
    for (own, reached), (other, also) in combinations(long, 2):
        if free[own // width, other // width] and is_among(*sorted((reached, also), key=len)).any():
            found.append(np.array([[own, other]]))
    every = np.concatenate(found) if found else np.zeros((0, 2), np.int64)
    every = every[free[every[:, 0] // width, every[:, 1] // width]]
    codes = np.unique(np.sort(every, axis=1) @ np.array([len(seeds) * width, 1]))
    ones, others = np.divmod(codes, len(seeds) * width)
    return np.stack([ones // width, ones % width, others // width, others % width], axis=1)


def linked(
    seeds: Sequence[Seed], tops: Sequence[NDArray[np.int64]], free: NDArray[np.bool_], neighbours: Neighbours
) -> NDArray[np.int64]:
    """(seed, relation, other seed), shape (n, 3), seeds as places: every relation that joins two seeds, and the best
    of the relations of a seed, which may or may not lead to the other."""
    graph = neighbours.graph
    entities, owners, relations = _flat(seeds, [top[:_DENIED] for top in tops])
    pair, other = np.nonzero(free[owners])
    found = set(zip(owners[pair].tolist(), relations[pair].tolist(), other.tolist(), strict=True))
    first = graph.out_ptr[entities]
    place, inside = spread(graph.out_ptr[entities + 1] - first)
    rows = first[place] + inside
    stated = np.isin(graph.o[rows], entities)
    for one, row in zip(place[stated].tolist(), rows[stated].tolist(), strict=True):
        relation = 2 * int(np.searchsorted(graph.predicates, graph.p[row]))
        if len(neighbours.follow(seeds[one].entity, relation)):
            for to in np.flatnonzero(free[one] & (entities == graph.o[row])).tolist():
                found |= {(one, relation, to), (to, relation + 1, one)}
    return np.array(sorted(found), np.int64).reshape(-1, 3)


def _flat(
    seeds: Sequence[Seed], tops: Sequence[NDArray[np.int64]]
) -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.int64]]:
    """The entities of the seeds, and the relations of all, end to end, each with the place of its seed."""
    entities = np.array([seed.entity for seed in seeds], np.int32)
    owners = np.repeat(np.arange(len(tops)), list(map(len, tops)))
    return entities, owners, np.concatenate([np.zeros(0, np.int64), *tops])
