"""Many paths walked at once: the nodes that each reaches, as columns (path, node), the pairs ascending and distinct.

What a path costs in Python is shared by all paths of a question; `retrieval.reach` says what one path reaches.
"""

import numpy as np
from numpy.typing import NDArray

from kg.arrays import distinct
from kg.graph import CLASS, LITERAL, Ids
from retrieval.neighbours import Neighbours

Places = NDArray[np.int64]


def ends_of(entities: Ids, relations: Places, neighbours: Neighbours) -> list[Ids]:
    """The nodes where each of n paths leads, ascending: the last layer of `retrieval.reach.layers_of`. relations:
    (n, H), -1 after the end, at least one each."""
    lengths = (relations >= 0).sum(1)
    ends: list[Ids] = [np.zeros(0, np.int32)] * len(entities)
    for length in np.unique(lengths).tolist():
        rows = np.flatnonzero(lengths == length)
        path, node = np.arange(len(rows)), entities[rows]
        for hop in range(length):
            path, node = _step(path, node, relations[rows, hop], neighbours)
            if hop:
                away = node != entities[rows][path]
                path, node = path[away], node[away]
        bounds = np.searchsorted(path, np.arange(len(rows) + 1)).tolist()
        for place, row in enumerate(rows.tolist()):
            ends[row] = node[bounds[place] : bounds[place + 1]]
    return ends


def next_relations(entities: Ids, relations: Places, neighbours: Neighbours, sample: int) -> tuple[Places, Places]:
    """(path, relation): the relations that go on from each of n paths of h relations each, (n, h), ascending; those
    around a spread sample of the entities that it reaches, which is taken before each step, too."""
    path, node = np.arange(len(entities)), entities
    for hop in range(relations.shape[1]):
        path, node = _step(*_thinned(path, node, sample), relations[:, hop], neighbours)
    away = node != entities[path]
    path, node = _thinned(path[away], node[away], sample)
    kind = neighbours.graph.kind[node]
    goes_on = (kind != LITERAL) & (kind != CLASS)
    place, relation = neighbours.relations_of_each(node[goes_on])
    return _pairs(path[goes_on][place], relation)


def _step(path: Places, node: Ids, relations: Places, neighbours: Neighbours) -> tuple[Places, Ids]:
    """The nodes that paths reach with one relation more; relations: that of each path."""
    place, reached = neighbours.follow_each(node, relations[path])
    if (path[1:] > path[:-1]).all():  # one node of each path, whose neighbours are ascending and distinct
        return path[place], reached
    path, following = _pairs(path[place], reached)
    return path, following.astype(np.int32)


def _pairs(path: Places, item: NDArray[np.signedinteger]) -> tuple[Places, Places]:
    """The distinct pairs, ascending."""
    codes = distinct((path.astype(np.uint64) << np.uint64(32)) | item.astype(np.uint64))
    return (codes >> np.uint64(32)).astype(np.int64), (codes & np.uint64(0xFFFFFFFF)).astype(np.int64)


def _thinned(path: Places, node: Ids, most: int) -> tuple[Places, Ids]:
    """At most `most` nodes of each path, as `retrieval.search.spread` thins a list."""
    counts = np.bincount(path)
    if counts.max(initial=0) <= most:
        return path, node
    first = np.cumsum(counts) - counts
    long = counts > most
    kept = ~long[path]
    kept[first[long, None] + np.linspace(0, counts[long] - 1, most, axis=1).astype(np.int64)] = True
    return path[kept], node[kept]
