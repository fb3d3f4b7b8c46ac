"""How plausible a triple is by the rest of the graph, without looking the triple up.

Two kinds of evidence, as log-odds against the predicate's base rate, added up:

- the fit of subject and object to the predicate: how often other entities that share a feature with the subject (a
  class, a predicate that leaves or reaches them) have the predicate, averaged over its features, and the same for the
  object. Other entities alone are counted, so the triple itself never is; a feature under the predicate's own local
  name (dbo:spouse, dbp:spouse) is left out, or it would answer the question;
- what the two have around them in common: the Adamic-Adar index of their shared neighbours (Adamic and Adar 2003), of
  which a hub says little. Triples between the two count for nothing.

It ranks, and is not calibrated.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kg.graph import BLANK, CLASS, ENTITY, Graph, Ids

PRIOR = 2.0
"""Entities at the base rate that are added to every count, so that a feature of few entities says little."""
SHARED = 1.0
"""The weight of shared neighbours."""
_MOST = 2048
"""Neighbours of one entity that are looked at, evenly spaced."""

Floats = NDArray[np.float64]


def plausibility(graph: Graph, triples: Sequence[tuple[str, str, str]]) -> Floats:
    """A score for each triple of bare IRIs, shape (n,), higher is more plausible; 0 where the graph knows neither end
    nor predicate."""
    ids = np.array([[graph.id_of(term) for term in triple] for triple in triples], np.int64).reshape(-1, 3)
    features = _Features(graph)
    scores = np.zeros(len(ids))
    for predicate in np.unique(ids[:, 1]):
        if predicate < 0:
            continue
        rows = np.flatnonzero(ids[:, 1] == predicate)
        for side in (0, 1):
            scores[rows] += features.fit(int(predicate), side, ids[rows, 2 * side])
    scores += SHARED * np.log1p([_shared(graph, int(s), int(o)) for s, _, o in ids])
    return scores


class _Features:
    """Which entity has which feature, as a sparse matrix: predicates that leave it, that reach it, and its classes."""

    def __init__(self, graph: Graph) -> None:
        from scipy import sparse

        kind = np.asarray(graph.kind)
        s, p, o = (np.asarray(column, np.int64) for column in (graph.s, graph.p, graph.o))
        node = (kind == ENTITY) | (kind == BLANK)
        n, width = len(graph.terms), len(graph.predicates)
        place = np.searchsorted(graph.predicates, p)
        typed = (p == graph.type_id) & (kind[o] == CLASS)
        told = ~typed & node[s]
        reached = ~typed & node[o]
        rows = np.concatenate([s[told], o[reached], s[typed]])
        columns = np.concatenate([place[told], width + place[reached], 2 * width + o[typed]])
        self.has = sparse.csr_matrix((np.ones(len(rows), np.float32), (rows, columns)), shape=(n, 2 * width + n))
        self.has.sum_duplicates()
        self.has.data[:] = 1.0
        self.size = np.asarray(self.has.sum(axis=0)).ravel()
        self.n_nodes = max(int(node.sum()), 1)
        self.width = width
        self.predicates = graph.predicates
        self.names = np.array([_local(graph.terms[int(predicate)]) for predicate in graph.predicates], dtype=object)

    def fit(self, predicate: int, side: int, entities: NDArray[np.int64]) -> Floats:
        """Log-odds that each entity is a subject (side 0) or object (side 1) of the predicate; 0 for id -1."""
        place = int(np.searchsorted(self.predicates, predicate))
        if place >= self.width or self.predicates[place] != predicate:
            return np.zeros(len(entities))
        column = side * self.width + place
        holders = self.has[:, [column]]
        together = np.asarray((self.has.T @ holders).todense()).ravel()
        same = np.flatnonzero(self.names == self.names[place])
        hidden = np.concatenate([same, self.width + same])
        is_holder = np.asarray(holders.todense()).ravel() > 0
        scores = np.zeros(len(entities))
        for i, entity in enumerate(entities.tolist()):
            own = self._profile(entity, hidden)
            if len(own):
                holds = float(is_holder[entity])
                base = (self.size[column] - holds + 1.0) / (self.n_nodes + 2.0)
                size = self.size[own] - 1.0
                share = (together[own] - holds + PRIOR * base) / (size + PRIOR)
                weight = 1.0 / np.log(2.0 + size)
                scores[i] = _log_odds(float(weight @ share / weight.sum())) - _log_odds(base)
        return scores

    def _profile(self, entity: int, hidden: NDArray[np.int64]) -> Any:
        if entity < 0:
            return np.zeros(0, np.int64)
        own = self.has.indices[self.has.indptr[entity] : self.has.indptr[entity + 1]]
        return own[~np.isin(own, hidden)]


def _shared(graph: Graph, s: int, o: int) -> float:
    """The Adamic-Adar index of the neighbours that two terms share, classes left out."""
    if min(s, o) < 0 or s == o:
        return 0.0
    both = np.intersect1d(_neighbours(graph, s), _neighbours(graph, o))
    both = both[(np.asarray(graph.kind)[both] == ENTITY) & (both != s) & (both != o)]
    return float(sum(1.0 / np.log(1.0 + graph.degree(int(node))) for node in both))


def _neighbours(graph: Graph, term: int) -> Ids:
    around = np.concatenate([graph.o[graph.out_rows(term)], graph.s[graph.in_rows(term)]])
    if len(around) > _MOST:
        around = around[np.linspace(0, len(around) - 1, _MOST).astype(np.int64)]
    return np.unique(around)


def _log_odds(p: float) -> float:
    return float(np.log(p) - np.log1p(-min(p, 1 - 1e-9)))


def _local(term: str) -> str:
    return term.rstrip(">").rsplit("/", 1)[-1].rsplit("#", 1)[-1].casefold()
