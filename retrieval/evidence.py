"""A piece of evidence: a path of relations from a seed, the operation asked for, its answers, and how sure.

`text` is what a generator reads; `rows` are the triples that show it.
"""

from dataclasses import dataclass

import numpy as np

from kg.arrays import is_among
from kg.graph import LITERAL, Graph, Ids
from retrieval.neighbours import Neighbours
from retrieval.ordering import chosen
from retrieval.path import Path, Seed
from retrieval.reach import answers_of, layers_of

__all__ = ["SHOWN", "SHOWN_ROWS", "Evidence", "Path", "Seed", "gather"]

SHOWN = 12
"""Most answers that the text of one piece of evidence spells out."""
SHOWN_ROWS = 24
"""Most triples that one piece of evidence cites."""


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


def gather(path: Path, neighbours: Neighbours, *, log_p: float = 0.0, reached: Ids | None = None) -> Evidence | None:
    """The evidence of a path, or None where the path leads nowhere, or to numbers that one would not count: "how many
    people live in …" asks for the number there. reached: the path's answers, where they are known."""
    graph = neighbours.graph
    reached = answers_of(path, neighbours) if reached is None else reached
    if not len(reached):
        return None
    head = _head(path, neighbours)
    if path.form == "ask":
        return _yes_or_no(path, neighbours, reached, head, log_p)
    if path.form == "count" and not countable(graph, reached):
        return None
    best_first = reached[np.argsort(-np.asarray(graph.rank)[reached], kind="stable")]
    rows = _supporting_rows(path, neighbours, best_first)
    if path.form == "count":
        number = str(len(reached))
        value = f'"{number}"^^<http://www.w3.org/2001/XMLSchema#integer>'
        return Evidence(path, (value,), (number,), rows, f"{head} | number: {number}", log_p)
    labels = tuple(graph.labels.take(best_first))
    text = f"{head} | {'; '.join(labels[:SHOWN])}"
    return Evidence(path, tuple(graph.terms.take(best_first)), labels, rows, text, log_p)


def countable(graph: Graph, answers: Ids) -> bool:
    """Whether one would count these: things, or several literals that are no numbers."""
    if graph.kind[answers[0]] != LITERAL:
        return True
    return len(answers) > 1 and not graph.label_of(int(answers[0])).replace(".", "").isdigit()


def _head(path: Path, neighbours: Neighbours) -> str:
    """Where a path leads, in words."""
    names = ", ".join(neighbours.names[relation] for relation in path.relations)
    head = f"{neighbours.graph.label_of(path.seed.entity)} | {names}"
    if path.meets is not None:
        head = f"{head} | and {_head(path.meets, neighbours)}"
    if path.kind >= 0:
        head = f"{head} | {neighbours.graph.label_of(path.kind)}"
    if path.order is not None:
        than = f" {path.order.than:.15g}" if path.order.cut not in ("most", "least") else ""
        head = f"{head} | {path.order.cut}{than} {neighbours.names[path.order.relation]}"
    return head


def _yes_or_no(path: Path, neighbours: Neighbours, reached: Ids, head: str, log_p: float) -> Evidence:
    graph = neighbours.graph
    holds = bool(is_among(np.array([path.target]), reached)[0])
    label = "yes" if holds else "no"
    value = f'"{str(holds).lower()}"^^<http://www.w3.org/2001/XMLSchema#boolean>'
    shown = np.array([path.target], np.int32) if holds else reached[:SHOWN]
    rows = _supporting_rows(path, neighbours, shown)
    names = "; ".join(graph.label_of(int(term)) for term in shown[:3])
    text = f"{head} | {names} | {graph.label_of(path.target)}: {label}"
    return Evidence(path, (value,), (label,), rows, text, log_p)


def _supporting_rows(path: Path, neighbours: Neighbours, answers: Ids) -> tuple[int, ...]:
    """For each of the answers in turn the rows that show it, while they fit into SHOWN_ROWS: one chain from each seed,
    and its class."""
    graph = neighbours.graph
    branches = [
        (branch, layers_of(branch.seed, branch.relations[:-1], neighbours)) for branch in (path, path.meets) if branch
    ]
    rows: dict[int, None] = {}
    for node in answers[:SHOWN_ROWS].tolist():
        chain: dict[int, None] = {}
        for branch, layers in branches:
            chain |= dict.fromkeys(_chain(neighbours, branch.relations, layers, node))
            if branch.kind >= 0:
                chain[graph.row_of(node, graph.type_id, branch.kind)] = None
            if branch.order is not None:
                chain |= dict.fromkeys(
                    chosen(branch.order, np.array([node], np.int32), neighbours.measures)[1].tolist()
                )
        if len(rows | chain) > SHOWN_ROWS:
            break
        rows |= chain
    return tuple(rows)


def _chain(neighbours: Neighbours, relations: tuple[int, ...], layers: list[Ids], node: int) -> list[int]:
    """The rows of one way from the seed to a node that the last relation leads to, the first step first. layers: where
    each of the relations begins."""
    rows = []
    for relation, layer in zip(reversed(relations), reversed(layers), strict=True):
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
    return back[is_among(back, layer)]


def _row(neighbours: Neighbours, origin: int, relation: int, node: int) -> int:
    graph: Graph = neighbours.graph
    predicate = int(graph.predicates[relation // 2])
    return graph.row_of(node, predicate, origin) if relation & 1 else graph.row_of(origin, predicate, node)
