"""An entity's triples in order of importance, as people would summarise it.

The measure is that of `kg.clean.importance`. On top of it each pick makes further triples of its predicate less worth
picking, and those with its object, so that a summary says many things once (as MPSUM and BAFREC do; ESBM's survey,
Liu et al. 2020).
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import polars as pl

from kg.clean.importance import (
    FOREIGN,
    HOST,
    NAMESPACE,
    PROMINENCE,
    USAGE,
    Floats,
    informativeness_of,
    prominence,
)
from kg.graph import Graph
from kg.terms import RDF_TYPE

INVERSE, REPEATED = 0.5, 0.3
"""What a triple loses for arriving at the entity, and for each pick before it that it repeats."""

Triple = tuple[str, str, str]


def rank_triples(triples: Sequence[Triple], *, entity: str | None = None, graph: Graph | None = None) -> list[int]:
    """The positions of one entity's triples (bare IRIs and texts), the most important first; ties keep their order.

    entity: whom the triples describe; by default the term that most of them name. graph: where usage, surprise and
    prominence come from; without it only the description itself counts.

    >>> born, has_type = ("x:Ada", "x:born", "1815"), ("x:Ada", "x:tag", "a")
    >>> rank_triples([has_type, ("x:Ada", "x:tag", "b"), born])
    [2, 0, 1]
    """
    if not triples:
        return []
    about = entity or Counter(term for s, _, o in triples for term in (s, o)).most_common(1)[0][0]
    sides = [(p, s != about) for s, p, _ in triples]
    siblings = Counter(sides)
    score = _told(triples, graph) - FOREIGN * _foreign(triples)
    score += np.array([1.0 / siblings[side] - INVERSE * side[1] for side in sides])
    order: list[int] = []
    picked: Counter[object] = Counter()

    def worth(i: int) -> tuple[float, int]:
        repeated = picked[sides[i]] + (picked[triples[i][2]] > 0)
        return float(score[i]) - REPEATED * repeated, -i

    left = set(range(len(triples)))
    while left:
        best = max(left, key=worth)
        left.remove(best)
        order.append(best)
        picked.update((sides[best], triples[best][2]))
    return order


def _told(triples: Sequence[Triple], graph: Graph | None) -> Floats:
    """Surprise, usage and prominence of each triple in the graph, weighted; zeros without a graph."""
    if graph is None or not len(graph):
        return np.zeros(len(triples))
    p = np.array([graph.id_of(p) for _, p, _ in triples], dtype=np.int32)
    o = np.array([graph.id_of(o) for _, _, o in triples], dtype=np.int32)
    p_count = np.bincount(graph.p, minlength=len(graph.terms))[p] * (p >= 0)
    both = np.array([len(graph.subjects(x, y)) if min(x, y) >= 0 else 0 for x, y in zip(o, p, strict=True)])
    usage, surprise = informativeness_of(p_count, both, len(graph))
    told = surprise + USAGE * usage + PROMINENCE * prominence(graph.rank, o) * (o >= 0)
    return np.asarray(told, np.float64)


def _foreign(triples: Sequence[Triple]) -> Floats:
    frame = pl.DataFrame(list(triples), schema=["s", "p", "o"], orient="row")
    typed = pl.col("p") == RDF_TYPE[1:-1]
    supplying = frame.filter(~typed)["p"].str.extract(NAMESPACE).drop_nulls().unique().implode()
    iri = pl.col("o").str.contains(r"^[a-z]+://[^\s\"<>]+$")
    foreign = (
        pl.when(typed)
        .then(~pl.col("o").str.extract(NAMESPACE).is_in(supplying).fill_null(False))
        .otherwise(pl.col("o").str.extract(HOST) != pl.col("s").str.extract(HOST))
    )
    return frame.select((iri & foreign).fill_null(False).cast(pl.Float64)).to_series().to_numpy()
