"""What each relation leads to, in words: "country", "film", "date". A question's "in which country …" asks for it.

The kind of a relation is the most specific class that at least half of a sample of its targets have; for literals it
follows from the datatype.
"""

from collections import Counter

import numpy as np

from kg.graph import LITERAL, Graph
from kg.terms import parse_literal
from retrieval.neighbours import Neighbours
from retrieval.search import spread

_SAMPLE = 48
_DATATYPES = {
    "date": "date",
    "dateTime": "date",
    "gYear": "year",
    "gYearMonth": "date",
    "integer": "number",
    "double": "number",
    "float": "number",
    "decimal": "number",
    "boolean": "yes or no",
}


def relation_kinds(neighbours: Neighbours) -> list[str]:
    """The kind of thing by relation number, "" where the graph does not tell."""
    graph = neighbours.graph
    relations = np.asarray(neighbours.relation)
    order = np.argsort(relations, kind="stable").astype(np.int32)
    bounds = np.searchsorted(relations[order], np.arange(len(neighbours.names) + 1))
    uses = np.bincount(np.asarray(graph.o)[np.asarray(graph.p) == graph.type_id], minlength=len(graph.terms))
    kinds = []
    for relation in range(len(neighbours.names)):
        rows = spread(order[bounds[relation] : bounds[relation + 1]], _SAMPLE)
        targets = [_first_target(neighbours, int(row), relation) for row in rows]
        kinds.append(_kind(graph, targets, uses))
    return kinds


def _first_target(neighbours: Neighbours, row: int, relation: int) -> int:
    graph, start = neighbours.graph, int(neighbours.start[row])
    return int(graph.s[graph.in_order[start]] if relation & 1 else graph.o[start])


def _kind(graph: Graph, targets: list[int], uses: "np.ndarray[tuple[int], np.dtype[np.int64]]") -> str:
    counts: Counter[str | int] = Counter()
    for target in targets:
        if graph.kind[target] == LITERAL:
            counts[datatype_kind(graph.terms[target])] += 1
        else:
            counts.update(int(item) for item in graph.types_of(target))
    common = [item for item, count in counts.items() if 2 * count >= len(targets)]
    if not common:
        return ""
    best = min(
        common, key=lambda item: (-1, item) if isinstance(item, str) else (int(uses[item]), graph.label_of(item))
    )
    return best if isinstance(best, str) else graph.label_of(best).lower()


def datatype_kind(literal: str) -> str:
    """What a literal is, in words: "date", "year", "number", "yes or no", "name"."""
    datatype = parse_literal(literal)[2] or ""
    return _DATATYPES.get(datatype.rsplit("#", 1)[-1], "number" if "datatype/" in datatype else "name")
