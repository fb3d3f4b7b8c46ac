"""What stands around pairs of nodes, whatever stands between the two of a pair left out.

Degrees, values and common neighbours are counted for all pairs at once, by sorted search. A pair's own statements,
under any predicate and in either direction, count for nothing.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kg.arrays import spread
from kg.graph import LITERAL, Graph

Ints = NDArray[np.int64]
Floats = NDArray[np.float32]

_MOST = 512
"""Neighbours that are looked at from the end with fewer, evenly spaced."""


@dataclass(frozen=True)
class Around:
    """Statements between nodes (all terms but literals), each seen from both of its ends.

    nodes: term ids, ascending; all else numbers nodes by their place here. predicates: term ids, ascending, numbered
    likewise: all that the graph has, so that relations have the same numbers whatever is hidden. s, p, o: the
    statements. key: node * n_nodes + other end, ascending. relation: parallel to `key`: p where the node is the
    subject, p plus the number of predicates where it is the object. start: where each node begins in `key`. held:
    node * (2 * predicates) + relation, ascending. literals: (nodes, predicates) of the statements whose object is a
    literal.
    """

    nodes: Ints
    predicates: Ints
    s: Ints
    p: Ints
    o: Ints
    key: Ints
    relation: NDArray[np.int32]
    start: Ints
    held: Ints
    literals: tuple[Ints, Ints]

    def places(self, terms: Ints) -> Ints:
        """The nodes of terms; -1 for those that no statement is about."""
        return _places(self.nodes, terms)

    def between(self, a: Ints, b: Ints) -> tuple[Ints, Ints]:
        """Where the half-edges from a to b begin and end in `key`; a and b at least 0."""
        wanted = a * len(self.nodes) + b
        return np.searchsorted(self.key, wanted, "left"), np.searchsorted(self.key, wanted, "right")

    def degree(self, a: Ints, b: Ints) -> Ints:
        """How many statements touch a that do not touch b; 0 where a is -1."""
        if not len(self.nodes):
            return np.zeros(len(a), np.int64)
        low, high = self.between(np.maximum(a, 0), b)
        own = np.where(b >= 0, high - low, 0)
        return np.where(a >= 0, np.diff(self.start)[a] - own, 0)

    def values(self, a: Ints, relation: Ints, b: Ints) -> Ints:
        """How many other ends the relation leads to from a, b not counted; 0 where a or the relation is -1."""
        width = 2 * len(self.predicates)
        wanted = np.maximum(a, 0) * width + relation
        found = np.searchsorted(self.held, wanted, "right") - np.searchsorted(self.held, wanted, "left")
        low, high = self.between(np.maximum(a, 0), b)
        item, step = spread(np.where((a >= 0) & (b >= 0), high - low, 0))
        own = np.bincount(item[self.relation[low[item] + step] == relation[item]], minlength=len(a))
        return np.where((a >= 0) & (relation >= 0), found - own, 0)

    def paths(self, a: Ints, b: Ints) -> tuple[Ints, Ints, Floats]:
        """The paths of two statements from a to b over a third node.

        Parallel arrays, one item for a path: the row of the pair, the kind of the path (relation from a, then relation
        from b, as one number), and the weight of the node between: 1 / log(1 + degree), Adamic and Adar (2003).
        """
        rows = np.flatnonzero((a >= 0) & (b >= 0) & (a != b))
        a, b = a[rows], b[rows]
        swap = self.degree(b, a) < self.degree(a, b)
        near, far = np.where(swap, b, a), np.where(swap, a, b)
        own_low, own_high = self.between(near, far)
        degree = self.degree(near, far)
        size = np.minimum(degree, _MOST)
        item, step = spread(size)
        edge = self.start[near[item]] + (step * degree[item]) // np.maximum(size[item], 1)
        edge += np.where(edge >= own_low[item], (own_high - own_low)[item], 0)
        middle = self.key[edge] % max(len(self.nodes), 1)
        low, high = self.between(far[item], middle)
        third = (middle != far[item]) & (middle != near[item])
        found, step = spread(np.where(third, high - low, 0))
        first, second = (self.relation[at].astype(np.int64) for at in (edge[found], low[found] + step))
        turned = swap[item[found]]
        first, second = np.where(turned, second, first), np.where(turned, first, second)
        weight = 1.0 / np.log(1.0 + np.diff(self.start)[middle[found]])
        return rows[item[found]], first * (2 * len(self.predicates)) + second, weight.astype(np.float32)


def around(graph: Graph, hidden: Ints) -> Around:
    """The graph without any statement between two terms whose pair is hidden (`pair_keys` over its terms)."""
    n = len(graph.terms)
    kind = np.asarray(graph.kind)
    s, p, o = (np.asarray(column, np.int64) for column in (graph.s, graph.p, graph.o))
    keep = ~np.isin(pair_keys(s, o, n), hidden)
    predicates = np.asarray(graph.predicates, np.int64)
    told = keep & (kind[o] == LITERAL)
    keep &= kind[o] != LITERAL
    literals = s[told], np.searchsorted(predicates, p[told])
    s, p, o = s[keep], np.searchsorted(predicates, p[keep]), o[keep]
    nodes = np.union1d(s, o)
    s, o = np.searchsorted(nodes, s), np.searchsorted(nodes, o)
    known = _places(nodes, literals[0])
    literals = known[known >= 0], literals[1][known >= 0]
    key = np.concatenate([s * len(nodes) + o, o * len(nodes) + s])
    relation = np.concatenate([p, p + len(predicates)]).astype(np.int32)
    order = np.lexsort((relation, key))
    key, relation = key[order], relation[order]
    held = np.sort(key // max(len(nodes), 1) * (2 * len(predicates)) + relation).astype(np.int64)
    start = np.searchsorted(key, np.arange(len(nodes) + 1) * len(nodes))
    return Around(nodes, predicates, s, p, o, key, relation, start, held, literals)


def pair_keys(s: Ints, o: Ints, n: int) -> Ints:
    """One number for each unordered pair of ids from 0 to n - 1."""
    return np.minimum(s, o) * n + np.maximum(s, o)


def _places(ordered: Ints, terms: Ints) -> Ints:
    if not len(ordered):
        return np.full(len(terms), -1)
    place = np.minimum(np.searchsorted(ordered, terms), len(ordered) - 1)
    return np.where(ordered[place] == terms, place, -1)
