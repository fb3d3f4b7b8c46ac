"""An entity's triples in order of importance, as people would summarise it.

Each triple has a score (`kg.clean.ranker`); on top of it each pick makes further triples of its predicate less worth
picking, and those with its object, so that a summary says many things once (as MPSUM and BAFREC do; ESBM's survey,
Liu et al. 2020).
"""

from collections import Counter
from collections.abc import Sequence

from kg.clean.ranker import UNTRAINED, Ranker, Triple
from kg.graph import Graph


def rank_triples(
    triples: Sequence[Triple], *, entity: str | None = None, graph: Graph | None = None, ranker: Ranker = UNTRAINED
) -> list[int]:
    """The positions of one entity's triples (bare IRIs and texts), the most important first; ties keep their order.

    entity: whom the triples describe; by default the term that most of them name. graph: where usage, surprise and
    prominence come from; without it only the description itself counts. ranker: by default one that is not trained.

    >>> born, has_type = ("x:Ada", "x:born", "1815"), ("x:Ada", "x:tag", "a")
    >>> rank_triples([has_type, ("x:Ada", "x:tag", "b"), born])
    [2, 0, 1]
    """
    if not triples:
        return []
    about = entity or Counter(term for s, _, o in triples for term in (s, o)).most_common(1)[0][0]
    sides = [(p, s == about) for s, p, _ in triples]
    score = ranker.score(triples, about, graph).tolist()
    order: list[int] = []
    picked: Counter[object] = Counter()

    def worth(i: int) -> tuple[float, int]:
        repeated = picked[sides[i]] + (picked[triples[i][2]] > 0)
        return score[i] - ranker.repeated * repeated, -i

    left = set(range(len(triples)))
    while left:
        best = max(left, key=worth)
        left.remove(best)
        order.append(best)
        picked.update((sides[best], triples[best][2]))
    return order
