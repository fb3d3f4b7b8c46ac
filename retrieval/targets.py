"""Which paths around a seed reach given answers, found from both ends.

Every relation around the seed is followed once; for a second step the answers are followed back one relation and met in
the middle. Longer paths are found by one more step from the seed.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np

from kg.graph import CLASS, LITERAL, Graph, Ids
from kg.terms import iri_term, literal_term
from kg.values import canonical_value
from retrieval.neighbours import Neighbours
from retrieval.path import Path, Seed
from retrieval.reach import layers_of
from retrieval.search import spread

_MEETING = 256
"""Most entities per relation that are looked at as the middle of a path."""
_TARGETS = 4
"""Most answers that are followed back."""
_CHECKED = 64
"""Most paths whose whole answer set is compared with the gold one."""


def gold_terms(values: Sequence[str], graph: Graph) -> Ids:
    """The ids of IRIs, and of literals with the same text under any datatype or language; what the graph lacks is left
    out."""
    found: list[int] = []
    for value in values:
        if "://" in value:
            found.append(graph.terms.find(iri_term(value)))
        for text in dict.fromkeys((value, canonical_value(value))):
            found += graph.terms.starting_with(literal_term(text))
    return np.unique(np.array([term for term in found if term >= 0], np.int32))


def paths_to(seed: Seed, targets: Ids, neighbours: Neighbours, hops: int) -> list[tuple[Path, float]]:
    """Paths from the seed that reach some target, with the F1 of what they reach against the targets, best first."""
    if not len(targets):
        return []
    origin = np.array([seed.entity], np.int32)
    relations: set[tuple[int, ...]] = {
        (int(r),)
        for r in neighbours.relations_of(seed.entity)
        if _meets(neighbours.follow(seed.entity, int(r)), targets)
    }
    if hops > 1:
        relations |= set(_two_steps(origin, (), targets, neighbours))
    if hops > 2 and not relations:
        for first in neighbours.relations_of(seed.entity):
            reached = spread(neighbours.follow(seed.entity, int(first)), _MEETING)
            relations |= set(_two_steps(reached, (int(first),), targets, neighbours))
    scored = []
    for path in sorted(relations, key=lambda path: (len(path), path))[:_CHECKED]:
        reached = layers_of(seed, path, neighbours)[-1]
        common = len(np.intersect1d(reached, targets))
        if common:
            scored.append((Path(seed, path), 2 * common / (len(reached) + len(targets))))
    return sorted(scored, key=lambda item: (-item[1], len(item[0].relations), item[0].relations))


def _two_steps(
    origins: Ids, before: tuple[int, ...], targets: Ids, neighbours: Neighbours
) -> Iterator[tuple[int, ...]]:
    """Continuations of `before` by two relations, from any of the origins to any of the targets."""
    middle: dict[int, Ids] = {}
    for relation in neighbours.relations_around(origins):
        middle[int(relation)] = spread(neighbours.follow_all(origins, int(relation)), _MEETING)
    if not middle:
        return
    entities = np.concatenate(list(middle.values()))
    steps = np.repeat(np.array(list(middle), np.int64), [len(ids) for ids in middle.values()])
    for target in targets[:_TARGETS]:
        for relation, sources in arrivals(int(target), neighbours):
            for first in np.unique(steps[np.isin(entities, sources)]):
                yield (*before, int(first), relation)


def arrivals(term: int, neighbours: Neighbours) -> Iterator[tuple[int, Ids]]:
    """The relations that lead to a term, each with the entities it leads from, ascending.

    For a literal, and for a class by rdf:type, at most `_MEETING` triples are looked at.
    """
    graph = neighbours.graph
    kind = np.asarray(graph.kind)
    if kind[term] != LITERAL:
        for relation in neighbours.relations_of(term).tolist():
            sources = neighbours.follow(term, relation)
            sources = sources[kind[sources] != LITERAL]
            if len(sources) and graph.predicates[relation // 2] != graph.type_id:
                yield relation ^ 1, sources
        if kind[term] != CLASS:
            return
    rows = graph.in_rows(term) if kind[term] == LITERAL else _type_rows(graph, term)
    groups: dict[int, list[int]] = defaultdict(list)
    for row in rows[:_MEETING]:
        groups[int(graph.p[row])].append(int(graph.s[row]))
    for predicate, subjects in groups.items():
        relation = 2 * int(np.searchsorted(graph.predicates, predicate))
        if len(neighbours.follow(subjects[0], relation)):
            yield relation, np.array(sorted(subjects), np.int32)


def _type_rows(graph: Graph, term: int) -> Ids:
    rows = graph.in_rows(term)
    return np.asarray(rows[graph.p[rows] == graph.type_id])


def _meets(reached: Ids, targets: Ids) -> bool:
    return bool(np.isin(targets, reached).any())
