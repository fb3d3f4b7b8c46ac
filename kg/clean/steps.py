"""The cleaning steps in order: normalise, merge and fold; then rank and prune."""

from collections import Counter
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from kg.clean.importance import entity_rank, triple_importance
from kg.clean.merge import merge
from kg.clean.normalise import normalise
from kg.clean.options import CleanOptions
from kg.clean.prune import prune
from kg.errors import EmptyGraph
from kg.graph import kinds
from kg.statements import PLACE, TRIPLE, Statements, compact, keys
from kg.triples import Triples

_PLACE = ["source", "record", "start", "end"]


@dataclass(frozen=True)
class Cleaned:
    """Clean statements and the account of what became of those that came in.

    The number of distinct triples in `statements` is `pulled - sum(dropped.values()) + added`. dropped: distinct
    triples by reason. merges: as `kg.clean.merge.Merged` has them. pulled: distinct triples that came in.
    """

    statements: Statements
    dropped: dict[str, int]
    merges: pl.DataFrame
    pulled: int
    added: int


@dataclass(frozen=True)
class Finished:
    """The graph to publish.

    rank: float32 by term, PageRank, sums to 1. support: the statements of the triples, sorted by `triple` (the row in
    triples), then by place; a triple's confidence is the highest of its statements. dropped: triples by reason
    ("budget").
    """

    triples: Triples
    rank: NDArray[np.float32]
    support: pl.DataFrame
    dropped: dict[str, int]


def clean(statements: Statements, options: CleanOptions) -> Cleaned:
    """The statements in normal form about canonical entities."""
    pulled = statements.distinct()
    normal, dropped = normalise(statements, options)
    merged = merge(normal, options)
    dropped = dict(Counter(dropped) + Counter(merged.dropped))
    duplicates = pulled + merged.added - sum(dropped.values()) - merged.statements.distinct()
    if duplicates:
        dropped["duplicate"] = duplicates
    return Cleaned(merged.statements, dropped, merged.merges, pulled, merged.added)


def finish(statements: Statements, options: CleanOptions) -> Finished:
    """The triples of clean statements, ranked and pruned to the budget. Raises EmptyGraph."""
    if not len(statements):
        raise EmptyGraph("no triple is left after cleaning. Name a source that has some, or loosen [clean] options.")
    statements = compact(statements.terms, statements.rows)
    rows = statements.rows[np.lexsort([statements.rows[name].to_numpy() for name in reversed(_PLACE)])]
    key = keys(*(rows[name].to_numpy() for name in TRIPLE))
    order = np.argsort(key, kind="stable")
    first = np.flatnonzero(np.diff(key[order], prepend=~key[order[:1]]))
    support = rows.select(*PLACE)[order].with_columns(
        triple=pl.Series(np.repeat(np.arange(len(first)), np.diff(first, append=len(order))))
    )
    s, p, o = (rows[name].to_numpy()[order[first]].astype(np.int32) for name in TRIPLE)
    del rows, key, order
    rank = entity_rank(s, o, kinds(statements.terms, s, p, o))
    importance = triple_importance(s, p, o, terms=statements.terms, rank=rank)
    confidence = np.maximum.reduceat(support["confidence"].to_numpy(), first)
    support = support.filter(_new_places(support))
    whole = Triples(statements.terms, s, p, o, importance, confidence)
    kept = prune(whole.frame(), importance, options.budget) if options.budget < 1 else np.ones(len(whole), bool)
    triples, used = whole.keep(kept)
    lost = len(whole) - len(triples)
    if lost:
        support = support.filter(pl.Series(kept[support["triple"].to_numpy()]))
        support = support.with_columns(triple=pl.Series((np.cumsum(kept) - 1)[support["triple"].to_numpy()]))
    return Finished(triples, _normalised(rank[used]), support, {"budget": lost} if lost else {})


def _new_places(support: pl.DataFrame) -> pl.Series:
    """Which statements of a triple stand at another place than the one before."""
    return support.select(pl.any_horizontal(pl.col("triple", *_PLACE).diff().fill_null(1) != 0)).to_series()


def _normalised(rank: NDArray[np.float64]) -> NDArray[np.float32]:
    total = rank.sum()
    return (rank / total if total else rank).astype(np.float32)
