"""How well two entities fit a predicate, told by what else the graph says about them.

The profile of an entity is its classes, the predicates that leave it and those that arrive at it. A subject fits p as
far as entities with its profile have p; an object as far as they are objects of p. So an entity without classes is
judged by its use. What the graph says between the two entities themselves is left out, or it would answer the question.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kg.graph import CLASS, ENTITY, Graph, Ids

MIN_USES = 3
"""Predicates with fewer triples between entities are not looked for in text."""

_SMALLEST = 1e-4
_NOT_RELATIONS = ("#type>", "#sameAs>", "wikiPage", "/subject>", "seeAlso", "#differentFrom>", "DerivedFrom", "opic>")


class Signatures:
    """The fit of subjects and objects to the predicates that relate entities: `predicates`, ids ascending."""

    def __init__(self, graph: Graph) -> None:
        from scipy import sparse

        self.graph = graph
        kind = np.asarray(graph.kind)
        links = (kind[graph.s] == ENTITY) & (kind[graph.o] == ENTITY)
        p = np.asarray(graph.p)
        uses = np.bincount(p[links], minlength=len(graph.terms))
        frequent = np.flatnonzero(uses >= MIN_USES)
        self.predicates: Ids = np.array(
            [x for x in frequent if not any(part in graph.terms[int(x)] for part in _NOT_RELATIONS)], dtype=np.int32
        )
        self._column = np.full(len(graph.terms), -1, np.int64)
        every = graph.predicates
        self._column[every] = np.arange(len(every))
        self._classes = np.flatnonzero(kind == CLASS)
        self._n = len(every)
        column_of_class = np.full(len(graph.terms), -1, np.int64)
        column_of_class[self._classes] = 2 * self._n + np.arange(len(self._classes))
        self._class_column = column_of_class
        rows, columns = self._incidences()
        entities, compact = np.unique(rows, return_inverse=True)
        width = 2 * self._n + len(self._classes)
        uses_of = sparse.csr_matrix(
            (np.ones(len(rows), np.float32), (compact, columns)), shape=(len(entities), width), dtype=np.float32
        )
        uses_of.data[:] = 1.0
        self._size = np.maximum(np.asarray(uses_of.sum(axis=0)).ravel(), 1.0)
        wanted = self._column[self.predicates]
        self._fit = tuple(_conditional(uses_of, uses_of[:, wanted + shift], self._size) for shift in (0, self._n))
        self._base = tuple(self._size[wanted + shift] / max(len(entities), 1) for shift in (0, self._n))
        self._cached: Callable[..., NDArray[np.float32]] = lru_cache(maxsize=20_000)(self._fit_of)

    def fit(self, s: int, o: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """(subject fit, object fit) in 0 to 1 for each of `predicates`."""
        there, back = self.between(s, o), self.between(o, s)
        return self._cached(0, s, there, back), self._cached(1, o, back, there)

    def between(self, s: int, o: int) -> tuple[int, ...]:
        """The predicates that the graph states from s to o."""
        out, into = self.graph.out_rows(s), self.graph.in_rows(o)
        if out.stop - out.start <= len(into):
            return tuple(np.asarray(self.graph.p[out][self.graph.o[out] == o]).tolist())
        return tuple(np.asarray(self.graph.p[into][self.graph.s[into] == s]).tolist())

    def _fit_of(self, side: int, entity: int, out: tuple[int, ...], into: tuple[int, ...]) -> NDArray[np.float32]:
        """The mean over a profile, its rarer features weighing more; the base rate where the profile is empty.

        side: 0 as a subject, 1 as an object. out, into: uses that do not count.
        """
        profile = self._profile(entity, out, into)
        if len(profile) == 0:
            return np.asarray(self._base[side], dtype=np.float32)
        weight = 1.0 / np.log(2.0 + self._size[profile])
        mixed = weight @ self._fit[side][profile] / weight.sum()
        return np.asarray(np.maximum(np.asarray(mixed).ravel(), _SMALLEST), dtype=np.float32)

    def _profile(self, entity: int, out: tuple[int, ...], into: tuple[int, ...]) -> NDArray[np.int64]:
        """The columns of an entity's features, less one use for each of the given predicates."""
        graph = self.graph
        out_rows, in_rows = graph.out_rows(entity), graph.in_rows(entity)
        leaving = _less(np.asarray(graph.p[out_rows]), out)
        arriving = _less(np.asarray(graph.p[in_rows]), into)
        classes = self._class_column[graph.types_of(entity)]
        return np.concatenate([self._column[leaving], self._n + self._column[arriving], classes[classes >= 0]])

    def _incidences(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        graph = self.graph
        s, p, o = (np.asarray(column, dtype=np.int64) for column in (graph.s, graph.p, graph.o))
        entity = np.asarray(graph.kind) == ENTITY
        leaving, arriving = entity[s], entity[o]
        typed = (p == graph.type_id) & entity[s] & (self._class_column[o] >= 0)
        rows = np.concatenate([s[leaving], o[arriving], s[typed]])
        columns = np.concatenate(
            [self._column[p[leaving]], self._n + self._column[p[arriving]], self._class_column[o[typed]]]
        )
        distinct = np.unique(rows * (2 * self._n + len(self._classes) + 1) + columns)
        return np.divmod(distinct, 2 * self._n + len(self._classes) + 1)


def _conditional(uses: Any, wanted: Any, size: NDArray[np.float32]) -> Any:
    """Sparse rows P(wanted column | feature)."""
    from scipy import sparse

    both = (uses.T @ wanted).tocsr()
    return sparse.diags(1.0 / size).dot(both).tocsr()


def _less(predicates: Ids, taken: tuple[int, ...]) -> Ids:
    """The distinct predicates that are left when one use of each in `taken` is not counted."""
    if not taken:
        return np.unique(predicates)
    distinct, count = np.unique(predicates, return_counts=True)
    for predicate in taken:
        count[np.searchsorted(distinct, predicate)] -= 1
    return distinct[count > 0]
