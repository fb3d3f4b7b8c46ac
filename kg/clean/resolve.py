"""Twins without a link between them: entities that are one by their names, classes and neighbours.

Identity stays the IRI: what is found here is merged and logged like a stated owl:sameAs, and can be undone. Candidates
meet by their names (`kg.clean.blocking`); names (`kg.clean.names`) and statements (`kg.clean.neighbourhood`) are
weighed as Fellegi and Sunter (1969) do; and how common twins are among the candidates is taken from the graph itself by
expectation maximisation (Winkler 1988), so that a clean graph needs stronger evidence than one full of slips.

There are three kinds of pairs. Names that differ by a slip need evidence in the slip itself, and more without a shared
neighbour. Names that differ in case, marks or punctuation alone are one unless short or contradicted. And the very same
name says next to nothing, for that is what homonyms have: those are one only if they share rare neighbours, and most of
what the smaller states. Entities that a statement links, or whose names differ in a number, an initial or a model
("Rocky II", "Rocky III"), are never one.

Left out: names with more than two slips, other names of one thing (nicknames, translations), and what follows from
merges already made.
"""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from kg.clean.blocking import edits, pairs_of
from kg.clean.names import Names, labels, name_evidence, read_names
from kg.clean.neighbourhood import Neighbourhood
from kg.clean.options import CleanOptions
from kg.graph import ENTITY, Ids, kinds
from kg.terms import iri_term

REASON = "twin"

_START = 5.5
"""Evidence at which a slip is as likely as not, if half of the candidates were twins."""
_SECOND = 8.0
"""What a second slip costs: names two edits apart are far more often two than one."""
_SHARED = 3.5
"""The most that shared neighbours say beside a slip, for what has like names often has like neighbours."""
_ALONE = 4.0
"""What it costs a slip that the two share no neighbour."""
_UNSHARED = 0.4
"""What each statement of the smaller entity costs that the larger does not make, up to six."""
_CLASSES = 3.0
"""What it costs that both have classes, and none in common."""
_VARIANT = 16.0
"""The surprise of a name at which its variants in case, marks or punctuation are as likely one as two."""
_NAMESAKE = 9.0
"""What shared neighbours have to say before two of the same name are one."""
_COVER = 6.0
"""What it costs namesakes that nothing of what the smaller states is shared; half of it, if half is."""
_NEVER = -1000.0
_COLUMNS = {"from": pl.String, "to": pl.String, "reason": pl.String, "score": pl.Float32}
_FEWEST, _PSEUDO = 6.0, 20.0
"""Bounds of the prior: its log-odds lie in -6 to 0; and candidates that are added, one of them a twin."""
_ROUNDS = 50
_CLIQUE = 40
"""Entities in one group of accepted pairs up to which all pairs of the group are looked at."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class _Scorer:
    """What is known of the entities; `ids` are their term ids, ascending, and pairs are positions in them."""

    names: Names
    ids: Ids
    around: Neighbourhood

    def log_odds(self, a: Ids, b: Ids, prior: float | None = None, *, leniently: bool = False) -> tuple[Floats, float]:
        """The log-odds that each pair is one entity, and the prior's, by expectation maximisation where none is given.

        leniently: whether a pair may stand in a group, rather than make one: the want of shared neighbours costs
        nothing.
        """
        slips = edits(self.names.words, a, b)
        packed = self.names.packed
        same_letters = (packed.gather(a) == packed.gather(b)).to_numpy()
        told = name_evidence(self.names, a, b, np.where(same_letters, 0, np.maximum(slips, 1)))
        seen = self.around.evidence(self.ids[a], self.ids[b])
        name, whole = told["name"].to_numpy(), told["whole"].to_numpy()
        agree, differ = seen["agree"].to_numpy(), seen["differ"].to_numpy()
        shared, size = seen["shared"].to_numpy().astype(float), seen["size"].to_numpy().astype(float)
        against = differ + _CLASSES * seen["classes"].to_numpy()
        slip = name + np.minimum(agree, _SHARED) - against - _UNSHARED * np.clip(size - shared, 0, 6) - _START
        slip -= _SECOND * np.maximum(slips - 1, 0)
        if not leniently:
            slip -= _ALONE * (shared == 0)
        never = told["apart"].to_numpy() | seen["linked"].to_numpy()
        slip = np.where(never, _NEVER, slip)
        if prior is None:
            prior = _prior(slip[~same_letters])
        variant = np.clip((whole - _VARIANT) / 2, -2, 3) + agree - np.minimum(against, 2 + _CLASSES)
        namesake = agree - against - _NAMESAKE - _COVER * (1 - np.minimum(shared / np.maximum(size, 1), 1))
        label = self.names.label
        same_label = (label.gather(a) == label.gather(b)).to_numpy()
        total = np.where(same_letters, np.where(same_label, namesake, variant), slip + prior)
        return np.where(never, _NEVER, total).round(6).astype(np.float64), prior


def resolve(
    terms: pl.Series, s: Ids, p: Ids, o: Ids, *, options: CleanOptions, apart: Collection[str] = ()
) -> pl.DataFrame:
    """The merges of twins: columns `from`, `to` (N-Triples terms), `reason` ("twin") and `score`, sorted by `from`.

    score: Float32, above 0.5, at most 1: how sure the best pair that `from` has in its group is. terms: distinct,
    sorted by their bytes. s, p, o: positions in them, distinct triples in any order. apart: bare IRIs that are never
    merged. `to` is one in `options.prefer`, then the one with the most triples, then the first by its bytes. A group
    holds no pair that the evidence speaks against, however many others it has between them.
    """
    s, p, o = (np.asarray(column).astype(np.int32, copy=False) for column in (s, p, o))
    kind = kinds(terms, s, p, o)
    ids, names = _named(terms, s, p, o, kind=kind, options=options, apart=apart)
    a, b = pairs_of(names.packed)
    if not len(a):
        return pl.DataFrame(schema=_COLUMNS)
    wanted = np.zeros(len(terms), bool)
    wanted[ids[a]] = True
    wanted[ids[b]] = True
    scorer = _Scorer(names, ids, Neighbourhood(terms, s, p, o, kind=kind, wanted=wanted))
    score, prior = scorer.log_odds(a, b)
    good = score > 0
    a, b, score = a[good], b[good], score[good]
    group = _groups(a, b, score, scorer, prior)
    same = np.array([group[x] == group[y] for x, y in zip(a.tolist(), b.tolist(), strict=True)], bool)
    sides = [pl.DataFrame({"at": side[same], "score": score[same]}) for side in (a, b)]
    best = pl.concat(sides).group_by("at").agg(pl.col("score").max()).sort("at")
    at = best["at"].to_numpy()
    uses = np.bincount(s, minlength=len(terms)) + np.bincount(o, minlength=len(terms))
    named = best.with_columns(
        group=pl.Series([group[x] for x in at.tolist()], dtype=pl.Int64),
        term=terms.gather(ids[at]),
        uses=pl.Series(uses[ids[at]]),
    )
    first = (
        named.sort(~pl.col("term").str.starts_with(f"<{options.prefer}"), -pl.col("uses"), "term")
        .unique("group", keep="first", maintain_order=True)
        .select("group", to="term")
    )
    return (
        named.join(first, on="group")
        .filter(pl.col("term") != pl.col("to"))
        .select(
            pl.col("term").alias("from"),
            "to",
            reason=pl.lit(REASON),
            score=(1 / (1 + (-pl.col("score")).exp())).cast(pl.Float32),
        )
        .sort("from")
    )


def _named(
    terms: pl.Series,
    s: Ids,
    p: Ids,
    o: Ids,
    *,
    kind: NDArray[np.uint8],
    options: CleanOptions,
    apart: Collection[str],
) -> tuple[Ids, Names]:
    """The entities that take part, and their names: those with a label, and those that say something or are preferred.
    An IRI that others only point at and nobody names is a page, an image or the like."""
    ids = np.flatnonzero(kind == ENTITY).astype(np.int32)
    label, stated = labels(terms, ids, s, p, o)
    says = np.zeros(len(terms), bool)
    says[s] = True
    preferred = terms.gather(ids).str.starts_with(f"<{options.prefer}")
    never = terms.gather(ids).is_in(pl.Series([iri_term(iri) for iri in apart], dtype=pl.String).implode())
    part = (stated | pl.Series(says[ids]) | preferred) & ~never & label.str.contains(r"\S")
    return ids[part.to_numpy()], read_names(label.filter(part))


def _prior(slip: Floats) -> float:
    """The log-odds that a candidate is a twin, by expectation maximisation."""
    prior = 0.0
    for _ in range(_ROUNDS):
        twins = 1 / (1 + np.exp(-np.clip(slip + prior, -50, 50)))
        share = (twins.sum() + 1) / (len(slip) + _PSEUDO)
        prior = float(np.clip(np.log(share / (1 - share)), -_FEWEST, 0))
    return prior


def _groups(a: Ids, b: Ids, score: Floats, scorer: _Scorer, prior: float) -> dict[int, int]:
    """The group of each entity that has a pair, named by one member: pairs are taken best first, and two groups become
    one only if no pair across them speaks against it."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    if not len(a):
        return {}
    nodes, ends = np.unique(np.concatenate([a, b]), return_inverse=True)
    x, y = ends[: len(a)], ends[len(a) :]
    n = len(nodes)
    _, part = connected_components(coo_matrix((np.ones(len(x), bool), (x, y)), shape=(n, n)), directed=False)
    size = np.bincount(part)
    fits = _fitting(nodes, part, size, scorer, prior)
    fits |= {(u, v) for u, v in zip(x.tolist(), y.tolist(), strict=True)}
    members = {node: [node] for node in range(n)}
    home = list(range(n))
    for at in np.lexsort((y, x, -score)).tolist():
        one, two = sorted((home[x[at]], home[y[at]]))
        if one == two:
            continue
        if all((min(u, v), max(u, v)) in fits for u in members[one] for v in members[two]):
            for v in members[two]:
                home[v] = one
            members[one] += members.pop(two)
    return {int(nodes[node]): int(nodes[home[node]]) for node in range(n)}


def _fitting(nodes: Ids, part: Ids, size: NDArray[np.int64], scorer: _Scorer, prior: float) -> set[tuple[int, int]]:
    """The pairs that may stand in one group, of connected sets of more than two entities."""
    pairs: list[tuple[int, int]] = []
    several = np.flatnonzero((size > 2) & (size <= _CLIQUE))
    order = np.argsort(part, kind="stable")
    start = np.cumsum(size) - size
    for which in several.tolist():
        inside = order[start[which] : start[which] + size[which]].tolist()
        pairs += [(u, v) for i, u in enumerate(inside) for v in inside[i + 1 :]]
    if not pairs:
        return set()
    both = np.array(pairs, np.int64)
    score, _ = scorer.log_odds(nodes[both[:, 0]], nodes[both[:, 1]], prior, leniently=True)
    return {pair for pair, fit in zip(pairs, (score > 0).tolist(), strict=True) if fit}
