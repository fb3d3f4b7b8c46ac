"""A piece of evidence: a path of relations from a seed, the operation asked for, its answers, and how sure.

`text` is what a generator reads; `rows` are the triples that show it.
"""

from dataclasses import dataclass

import numpy as np

from kg.graph import LITERAL, Graph, Ids
from retrieval.neighbours import Neighbours

SHOWN = 12
"""Most answers that the text of one piece of evidence spells out."""
SHOWN_ROWS = 24
"""Most triples that one piece of evidence cites."""


@dataclass(frozen=True)
class Seed:
    """An entity where paths begin. `start` and `end` are the mention's offsets in the question, -1 without one; `log_p`
    is the log of the probability that this is what the question speaks of."""

    entity: int
    start: int
    end: int
    log_p: float


@dataclass(frozen=True)
class Path:
    """Relations (numbers of `Neighbours`) to follow from a seed, and the form of the answer; `target` is the entity to
    be met for a yes/no question, -1 otherwise."""

    seed: Seed
    relations: tuple[int, ...]
    form: str = "select"
    target: int = -1


@dataclass(frozen=True)
class Evidence:
    """What a path gives. values: N-Triples terms of the answers (for a count and a yes/no one literal), best first;
    labels: their readable names, parallel; rows: rows of the graph; log_p: log p(z|x). source: for a passage of a text,
    which no rows show, the place in words; its answers are no set, but compete one by one."""

    path: Path
    values: tuple[str, ...]
    labels: tuple[str, ...]
    rows: tuple[int, ...]
    text: str
    log_p: float
    source: str = ""


def gather(path: Path, neighbours: Neighbours, *, log_p: float = 0.0) -> Evidence | None:
    """The evidence of a path, or None where the path leads nowhere, or to a single literal that one would not count:
    "how many people live in …" asks for the number there."""
    graph = neighbours.graph
    layers = [np.array([path.seed.entity], np.int32)]
    for relation in path.relations:
        layers.append(neighbours.follow_all(layers[-1], relation))
        if not len(layers[-1]):
            return None
    reached = layers[-1]
    names = ", ".join(neighbours.names[relation] for relation in path.relations)
    head = f"{graph.label_of(path.seed.entity)} | {names}"
    if path.form == "ask":
        return _yes_or_no(path, neighbours, layers, head, log_p)
    if len(path.relations) > 1:
        reached = reached[reached != path.seed.entity]
        if not len(reached):
            return None
    if path.form == "count" and len(reached) == 1 and graph.kind[reached[0]] == LITERAL:
        return None
    best_first = reached[np.argsort(-np.asarray(graph.rank)[reached], kind="stable")]
    rows = _supporting_rows(neighbours, path.relations, layers, best_first)
    if path.form == "count":
        number = str(len(reached))
        value = f'"{number}"^^<http://www.w3.org/2001/XMLSchema#integer>'
        return Evidence(path, (value,), (number,), rows, f"{head} | number: {number}", log_p)
    labels = tuple(graph.label_of(int(term)) for term in best_first)
    text = f"{head} | {'; '.join(labels[:SHOWN])}"
    return Evidence(path, tuple(graph.terms[int(term)] for term in best_first), labels, rows, text, log_p)


def _yes_or_no(path: Path, neighbours: Neighbours, layers: list[Ids], head: str, log_p: float) -> Evidence:
    graph, reached = neighbours.graph, layers[-1]
    holds = bool(np.isin(path.target, reached))
    label = "yes" if holds else "no"
    value = f'"{str(holds).lower()}"^^<http://www.w3.org/2001/XMLSchema#boolean>'
    shown = np.array([path.target], np.int32) if holds else reached[:SHOWN]
    rows = _supporting_rows(neighbours, path.relations, layers, shown)
    names = "; ".join(graph.label_of(int(term)) for term in shown[:3])
    text = f"{head} | {names} | {graph.label_of(path.target)}: {label}"
    return Evidence(path, (value,), (label,), rows, text, log_p)


def _supporting_rows(
    neighbours: Neighbours, relations: tuple[int, ...], layers: list[Ids], reached: Ids
) -> tuple[int, ...]:
    """For each of the reached nodes in turn the rows of one chain from the seed, while they fit into SHOWN_ROWS."""
    rows: dict[int, None] = {}
    for node in reached[:SHOWN_ROWS].tolist():
        chain = dict.fromkeys(_chain(neighbours, relations, layers, node))
        if len(rows | chain) > SHOWN_ROWS:
            break
        rows |= chain
    return tuple(rows)


def _chain(neighbours: Neighbours, relations: tuple[int, ...], layers: list[Ids], node: int) -> list[int]:
    """The rows of one way from the seed to a node of the last layer, the first step first."""
    rows = []
    for relation, layer in zip(reversed(relations), reversed(layers[:-1]), strict=True):
        origins = layer if len(layer) == 1 else _origins(neighbours, relation, layer, node)
        found = ((int(origin), _row(neighbours, int(origin), relation, node)) for origin in origins)
        node, row = next(pair for pair in found if pair[1] >= 0)
        rows.append(row)
    return rows[::-1]


def _origins(neighbours: Neighbours, relation: int, layer: Ids, node: int) -> Ids:
    """The nodes of a layer where a step to a node may begin: just those if a relation leads back from it."""
    back = neighbours.follow(node, relation ^ 1)
    if not len(back):
        if neighbours.graph.degree(node) > len(layer):
            return layer
        back = neighbours.graph.subjects(node, int(neighbours.graph.predicates[relation // 2]))
    return back[np.isin(back, layer)]


def _row(neighbours: Neighbours, origin: int, relation: int, node: int) -> int:
    graph: Graph = neighbours.graph
    predicate = int(graph.predicates[relation // 2])
    return graph.row_of(node, predicate, origin) if relation & 1 else graph.row_of(origin, predicate, node)
