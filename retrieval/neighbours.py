"""The distinct relations around each entity, so that the cost of a step follows relations, not degree.

A relation is a predicate with a direction: number 2k is predicate k of `Graph.predicates` from subject to object,
2k + 1 the same from object to subject. For each entity the relations around it are listed once each, with the place
where their neighbours begin; a hub with a million neighbours over thirty relations costs thirty.
"""

from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kg.arrays import map_array, spread
from kg.graph import LITERAL, Graph, Ids
from kg.terms import ABSTRACT, PREFIXES, iri_term, name_of
from retrieval.measures import Measures, write_measures

HIDDEN = (
    ABSTRACT,
    *(
        iri_term(PREFIXES[prefix] + name)
        for prefix, name in (
            ("rdfs", "label"),
            ("rdfs", "comment"),
            ("skos", "altLabel"),
            ("skos", "prefLabel"),
            ("foaf", "name"),
            ("foaf", "depiction"),
            ("dbp", "name"),
        )
    ),
)
"""Predicates that name or describe an entity; they are no step of a path."""


class Neighbours:
    """Relations by entity over one Graph.

    pointer: int64, shape (n_terms + 1,). relation: int32 and start: int32, one per (entity, relation): neighbours of
    relation 2k begin at row `start` of the graph, those of 2k + 1 at `start` of `in_order`; they end where the next
    relation of the same direction begins.
    """

    def __init__(self, graph: Graph, arrays: dict[str, NDArray[Any]], measures: Measures) -> None:
        self.graph = graph
        self.measures = measures
        self.pointer: NDArray[np.int64] = arrays["pointer"]
        self.relation: Ids = arrays["relation"]
        self.start: Ids = arrays["start"]
        self.end: Ids = arrays["end"]
        self.names = relation_names(graph)

    @classmethod
    def open(cls, folder: Path, graph: Graph) -> "Neighbours":
        """The relations written by `write_neighbours`."""
        names = ("pointer", "relation", "start", "end")
        arrays = {name: map_array(folder / f"{name}.npy") for name in names}
        return cls(graph, arrays, Measures.open(folder / "measures"))

    @cached_property
    def type_relation(self) -> int:
        """The relation from a thing to its classes, -1 where the graph has none."""
        place = np.flatnonzero(np.asarray(self.graph.predicates) == self.graph.type_id)
        return 2 * int(place[0]) if len(place) else -1

    def relations_of(self, entity: int) -> Ids:
        """The relations around an entity, ascending."""
        return np.asarray(self.relation[self.pointer[entity] : self.pointer[entity + 1]])

    def relations_around(self, entities: Ids) -> Ids:
        """The distinct relations around any of the entities, ascending."""
        starts, ends = self.pointer[entities], self.pointer[entities + 1]
        return np.unique(self.relation[_ranges(starts, ends)])

    def follow(self, entity: int, relation: int) -> Ids:
        """The neighbours of an entity by a relation, ascending and distinct."""
        low, high = int(self.pointer[entity]), int(self.pointer[entity + 1])
        place = low + int(np.searchsorted(self.relation[low:high], relation))
        if place >= high or self.relation[place] != relation:
            return np.zeros(0, np.int32)
        rows = slice(int(self.start[place]), int(self.end[place]))
        return np.asarray(self.graph.s[self.graph.in_order[rows]] if relation & 1 else self.graph.o[rows])

    def relations_of_each(self, entities: Ids) -> tuple[NDArray[np.int64], Ids]:
        """(place, relation): the relations around each of the entities, in their order."""
        first = self.pointer[entities]
        place, inside = spread(self.pointer[entities + 1] - first)
        return place, self.relation[first[place] + inside]

    def follow_each(self, entities: Ids, relations: NDArray[np.int64]) -> tuple[NDArray[np.int64], Ids]:
        """(place, neighbour): the neighbours of each of n entities by a relation of its own, (n,), in the order of the
        entities, those of each ascending and distinct."""
        found = self._groups_of(entities, relations)
        held = np.flatnonzero(found >= 0)
        begin = self.start[found[held]]
        group, inside = spread(self.end[found[held]] - begin)
        rows, turned = begin[group] + inside, (relations[held] & 1 == 1)[group]
        reached = np.empty(len(rows), np.int32)
        reached[~turned] = self.graph.o[rows[~turned]]
        reached[turned] = self.graph.s[self.graph.in_order[rows[turned]]]
        return held[group], reached

    def _groups_of(self, entities: Ids, relations: NDArray[np.int64]) -> NDArray[np.int64]:
        """The places in the columns of (entity, relation) pairs, -1 for those that are not there: a bisection of all
        at once."""
        low, end = self.pointer[entities], self.pointer[entities + 1]
        high, last = end, max(len(self.relation) - 1, 0)
        for _ in range(int((end - low).max(initial=0)).bit_length()):
            middle = (low + high) // 2
            before = (low < high) & (self.relation[np.minimum(middle, last)] < relations)
            low, high = np.where(before, middle + 1, low), np.where(before, high, middle)
        found = (low < end) & (self.relation[np.minimum(low, last)] == relations) if len(self.relation) else low < 0
        return np.where(found, low, -1)

    def follow_all(self, entities: Ids, relation: int) -> Ids:
        """The distinct neighbours of any of the entities by a relation, ascending."""
        if len(entities) == 1:
            return self.follow(int(entities[0]), relation)
        places = _ranges(self.pointer[entities], self.pointer[entities + 1])
        places = places[self.relation[places] == relation]
        rows = _ranges(self.start[places], self.end[places])
        return np.unique(self.graph.s[self.graph.in_order[rows]] if relation & 1 else self.graph.o[rows])


def write_neighbours(folder: Path, graph: Graph) -> Neighbours:
    """Writes the relations around each entity of a graph, and opens them."""
    folder.mkdir(parents=True, exist_ok=True)
    predicates = np.asarray(graph.predicates)
    hidden = np.array([graph.terms.find(name) for name in HIDDEN], np.int32)
    s, p, o = np.asarray(graph.s), np.asarray(graph.p), np.asarray(graph.o)
    order = np.asarray(graph.in_order)
    forward = _groups(s, p)
    backward = _groups(o[order], p[order])
    is_literal = np.asarray(graph.kind)[o[order][backward[0]]] == LITERAL
    parts = []
    for (starts, ends), direction, owners, steps, kept in (
        (forward, 0, s, p, np.ones(len(forward[0]), bool)),
        (backward, 1, o[order], p[order], ~is_literal),
    ):
        kept &= ~np.isin(steps[starts], hidden)
        relation = 2 * np.searchsorted(predicates, steps[starts]) + direction
        parts.append(np.stack([owners[starts], relation, starts, ends])[:, kept])
    entity, relation, start, end = np.concatenate(parts, axis=1)
    arrange = np.lexsort((relation, entity))
    pointer = np.concatenate([[0], np.cumsum(np.bincount(entity, minlength=len(graph.terms)))]).astype(np.int64)
    np.save(folder / "pointer.npy", pointer)
    for name, column in (("relation", relation), ("start", start), ("end", end)):
        np.save(folder / f"{name}.npy", column[arrange].astype(np.int32))
    write_measures(folder / "measures", graph)
    return Neighbours.open(folder, graph)


def relation_names(graph: Graph) -> list[str]:
    """A readable name by relation number: "birth place", and "birth place of" for the inverse; "based on", and "things
    based on it"."""
    names = []
    for predicate in graph.predicates:
        label = graph.label_of(int(predicate)) or name_of(graph.iri_of(int(predicate)))
        inverse = f"things {label} it" if label.rsplit(" ", 1)[-1] in _PREPOSITIONS else f"{label} of"
        names += [label, inverse]
    return names


_PREPOSITIONS = frozenset(("at", "by", "for", "from", "in", "into", "of", "on", "to", "under", "with"))


def _groups(owners: Ids, steps: Ids) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Begin and end of each run of equal (owner, step) in sorted columns."""
    if not len(owners):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    starts = np.flatnonzero(np.r_[True, (owners[1:] != owners[:-1]) | (steps[1:] != steps[:-1])])
    return starts, np.r_[starts[1:], len(owners)]


def _ranges(starts: NDArray[np.int64], ends: NDArray[np.int64]) -> NDArray[np.int64]:
    """All positions of the ranges, one after another."""
    group, inside = spread(np.asarray(ends) - np.asarray(starts))
    return np.asarray(starts)[group] + inside
