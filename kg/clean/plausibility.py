"""How plausible a triple is by the rest of the graph, without looking the triple up.

**Left out.** When (s, p, o) is scored, no statement between s and o is looked at, under any predicate and in either
direction: a `dbp:` twin or an inverse would state the same fact. Counts leave out the statements of the pair; vectors,
and whatever is learnt, come from a graph without any of the pairs that are scored together. So a triple's score is the
same whether or not the graph holds it.

**Evidence.** Degrees; how many other values the predicate has at either end; common neighbours, and what the paths over
them say; and how like the pair is to pairs that the predicate holds of: by vectors of what stands around each end, and,
where an encoder is given, of their names.

**Weighing.** Learnt at each call, from the graph alone: triples that it states against wrong ones made of them. Stated
triples weigh as much as all that were made of them, so 0 is as likely as not where right and wrong are equally many.
Half of the wrong ones stand beside the right one in the graph, half do not; their ends are forgotten as often as the
graph knows nothing of those that are scored. The same graph, triples and seed give the same scores.

Wrong triples are made of the predicates that are asked for together, so ask for many at once: asked for alone, a
predicate has no other one to be mistaken for. Predicates that join too few nodes, and those of literals, are not
judged.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from kg.clean.around import Around, around, pair_keys
from kg.clean.corrupted import STATED, Made, corrupt
from kg.clean.evidence import Cases, alike, counts, paths
from kg.clean.profile import profiles
from kg.graph import LITERAL, Graph
from kg.terms import name_of

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Encode = Callable[[list[str]], NDArray[np.float32]]

MOST, ALTOGETHER, LEAST = 1000, 12_000, 40
"""Stated triples to learn from: at most of one predicate, of all, and what a predicate may have in any case."""
KNOWN = 400
"""Other triples of a predicate that pairs are compared with."""


def plausibility(
    graph: Graph, triples: Sequence[tuple[str, str, str]], *, encode: Encode | None = None, seed: int = 0
) -> Floats:
    """A score for each triple of bare IRIs, shape (n,), higher is more plausible.

    0 where the graph does not know the predicate, and, without an encoder, neither end. encode: unit vectors of texts,
    shape (n, d); with it the names of the ends count, even of those that the graph does not know.
    """
    ids = np.array([[graph.id_of(term) for term in triple] for triple in triples], np.int64).reshape(-1, 3)
    scores = np.zeros(len(ids))
    scored = _pairs(graph, ids)
    made = _made(graph, ids, scored, seed)
    rows = np.flatnonzero(np.isin(ids[:, 1], list(made.known)))
    n = len(made.kind)
    if not len(rows) or made.kind.all() or not made.kind.any():
        return scores
    asked = np.concatenate([made.triples, ids[rows]])
    cases = _cases(made, asked)
    sources = _pairs(graph, made.triples[made.kind == STATED])
    apart = around(graph, np.concatenate([scored, sources]))
    learning = around(graph, np.concatenate([scored, sources[::2]]))
    scoring = around(graph, np.zeros(0, np.int64))
    told = _told(scoring, asked[n:])
    known = _told(learning, made.triples) & (
        np.random.default_rng(seed).random((2, n)) < told.mean(axis=1, keepdims=True)
    )
    counted, (row, kind, near) = _surroundings(learning, made.triples, known)
    rest, (row_, kind_, near_) = _surroundings(scoring, asked[n:], told)
    over = np.concatenate([row, row_ + n]), np.concatenate([kind, kind_]), np.concatenate([near, near_])
    sizes = np.log1p(_sizes(apart, asked[:, 1])).astype(np.float32)
    columns = [np.concatenate([counted, rest]), sizes[:, None], paths(cases, *over)]
    there = np.concatenate([known, told], axis=1)
    places = [np.where(there[side], apart.places(asked[:, 2 * side]), -1) for side in (0, 1)]
    like = {p: [apart.places(own[:, side]) for side in (0, 2)] for p, own in made.known.items()}
    columns.append(alike(cases, profiles(apart, seed=seed), places, like))
    judged = told[0] | told[1]
    if encode is not None:
        names = [(name_of(s), name_of(o)) for s, _, o in (triples[row] for row in rows.tolist())]
        columns.append(_alike_in_name(graph, made, asked, names, cases, encode))
        judged[:] = True
    x = np.concatenate(columns, axis=1)
    scores[rows] = np.where(judged, _weigh(x[:n], cases.stated[:n], cases.weight[:n], x[n:], seed), 0.0)
    return scores


def _pairs(graph: Graph, ids: Ints) -> Ints:
    """The pairs of ends of triples, those that the graph knows both ends of."""
    whole = ids[(ids[:, 0] >= 0) & (ids[:, 2] >= 0)]
    return pair_keys(whole[:, 0], whole[:, 2], len(graph.terms))


def _made(graph: Graph, ids: Ints, scored: Ints, seed: int) -> Made:
    """What to learn from, of the predicates that are asked for, without the pairs that are scored."""
    s, p, o = (np.asarray(column, np.int64) for column in (graph.s, graph.p, graph.o))
    predicates = np.unique(ids[ids[:, 1] >= 0, 1])
    rows = np.flatnonzero((np.asarray(graph.kind)[o] != LITERAL) & np.isin(p, predicates))
    rows = rows[~np.isin(pair_keys(s[rows], o[rows], len(graph.terms)), scored)]
    most = min(MOST, max(ALTOGETHER // max(len(predicates), 1), LEAST))
    stated = np.stack([s[rows], p[rows], o[rows]], axis=1)
    return corrupt(stated, predicates, most=most, known=KNOWN, seed=seed)


def _cases(made: Made, asked: Ints) -> Cases:
    """Stated triples of a predicate weigh the same as all that were made of them."""
    n, rest = len(made.kind), len(asked) - len(made.kind)
    stated = np.concatenate([made.kind == STATED, np.zeros(rest, bool)])
    fold = np.concatenate([made.fold, np.full(rest, -1)])
    weight = (fold >= 0).astype(np.float32)
    for p in made.known:
        own = np.flatnonzero(asked[:n, 1] == p)
        right = own[stated[own]]
        weight[right] = (len(own) - len(right)) / max(len(right), 1)
    return Cases(asked[:, 1], stated, weight, fold)


def _told(seen: Around, triples: Ints) -> NDArray[np.bool_]:
    """Whether anything is known of either end but what stands between the two; shape (2, n)."""
    a, b = seen.places(triples[:, 0]), seen.places(triples[:, 2])
    return np.stack([seen.degree(a, b) > 0, seen.degree(b, a) > 0])


def _surroundings(
    seen: Around, triples: Ints, known: NDArray[np.bool_]
) -> tuple[NDArray[np.float32], tuple[Ints, Ints, NDArray[np.float32]]]:
    """Counts, shape (n, 4), and paths around the ends of triples; nothing of the ends that are not known."""
    a, b = seen.places(triples[:, 0]), seen.places(triples[:, 2])
    counted = counts(seen, a, triples[:, 1], b) * known[[0, 1, 0, 1]].T
    return counted, seen.paths(np.where(known[0], a, -1), np.where(known[1], b, -1))


def _sizes(apart: Around, predicates: Ints) -> Ints:
    """The number of statements of each predicate."""
    number = np.bincount(apart.p, minlength=len(apart.predicates))
    return number[np.searchsorted(apart.predicates, predicates)]


def _alike_in_name(
    graph: Graph, made: Made, asked: Ints, names: list[tuple[str, str]], cases: Cases, encode: Encode
) -> NDArray[np.float32]:
    """How like the ends are in name; `names` are those of what the graph does not know."""
    texts: dict[str, int] = {}

    def place(term: int, name: str = "") -> int:
        return texts.setdefault(graph.label_of(term) if term >= 0 else name, len(texts))

    ends = []
    for side, spare in ((0, 0), (2, 1)):
        others = [""] * len(made.kind) + [name[spare] for name in names]
        ends.append(np.array([place(*pair) for pair in zip(asked[:, side].tolist(), others, strict=True)], np.int64))
    known = {
        p: [np.array([place(term) for term in own[:, side].tolist()], np.int64) for side in (0, 2)]
        for p, own in made.known.items()
    }
    return alike(cases, np.asarray(encode(list(texts)), np.float32), ends, known)


def _weigh(
    x: NDArray[np.float32],
    stated: NDArray[np.bool_],
    weight: NDArray[np.float32],
    asked: NDArray[np.float32],
    seed: int,
) -> Floats:
    """Log-odds of rows of evidence, by boosted trees (Friedman 2001)."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    trees = HistGradientBoostingClassifier(
        max_iter=250,
        learning_rate=0.05,
        max_leaf_nodes=31,
        min_samples_leaf=min(40, max(len(x) // 100, 3)),
        l2_regularization=1.0,
        early_stopping=False,
        random_state=seed,
    )
    return np.asarray(trees.fit(x, stated, sample_weight=weight).decision_function(asked))
