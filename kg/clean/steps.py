"""The cleaning steps in order: normalise, merge and fold; then rank and prune."""

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from kg.clean.fold import fold
from kg.clean.importance import entity_rank, triple_importance
from kg.clean.merge import merge, merge_twins
from kg.clean.normalise import normalise
from kg.clean.ontology import Ontology, read_ontology, stated
from kg.clean.options import CleanOptions
from kg.clean.prune import prune
from kg.clean.violations import violations
from kg.clean.worth import triple_worth
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
    ("budget", and what the ontology speaks against if that is dropped). flagged: triples that the ontology speaks
    against, by reason. pruned: all triples and which of them the budget keeps; None without a budget.
    """

    triples: Triples
    rank: NDArray[np.float32]
    support: pl.DataFrame
    dropped: dict[str, int]
    flagged: dict[str, int]
    pruned: tuple[Triples, NDArray[np.bool_]] | None = None


def clean(statements: Statements, options: CleanOptions) -> Cleaned:
    """The statements in normal form about canonical entities."""
    pulled = statements.distinct()
    normal, dropped = normalise(statements, options)
    merged = merge(normal, options)
    if options.resolve:
        merged = merge_twins(merged, options)
    dropped = dict(Counter(dropped) + Counter(merged.dropped))
    statements = _folded(merged.statements) if options.fold_properties else merged.statements
    if folded := merged.statements.distinct() - statements.distinct():
        dropped["folded"] = folded
    duplicates = pulled + merged.added - sum(dropped.values()) - statements.distinct()
    if duplicates:
        dropped["duplicate"] = duplicates
    return Cleaned(statements, dropped, merged.merges, pulled, merged.added)


def finish(statements: Statements, options: CleanOptions, *, documents: int = 0) -> Finished:
    """The triples of clean statements, ranked and pruned to the budget. documents: the bytes of the texts that are
    published with them. Raises EmptyGraph."""
    if not len(statements):
        raise EmptyGraph("no triple is left after cleaning. Name a source that has some, or loosen [clean] options.")
    found, support = _gathered(statements)
    why = _violations(found, options)
    flagged: dict[str, int] = dict(why.drop_nulls().cast(pl.String).value_counts().sort("why").iter_rows())
    kept = why.is_null().to_numpy() if options.violations == "drop" else np.ones(len(found), bool)
    sound, _ = found.keep(kept)
    if not len(sound):
        raise EmptyGraph('every triple is against the ontology. Set clean.violations = "flag".')
    rank = entity_rank(sound.s, sound.o, kinds(sound.terms, sound.s, sound.p, sound.o))
    importance = triple_importance(sound.s, sound.p, sound.o, terms=sound.terms, rank=rank)
    within = np.ones(len(sound), bool)
    if options.kept != 1.0:
        worth = triple_worth(sound.s, sound.p, sound.o, rank=rank)
        supports = np.bincount(support["triple"].to_numpy(), minlength=len(found))[kept]
        columns = (sound.terms, sound.s, sound.p, sound.o)
        within = prune(*columns, worth, options.kept, statements=supports, documents=documents)
    triples, used = replace(sound, importance=importance).keep(within)
    lost = len(sound) - len(triples)
    kept[kept] = within
    if not kept.all():
        support = support.filter(pl.Series(kept[support["triple"].to_numpy()]))
        support = support.with_columns(triple=pl.Series((np.cumsum(kept) - 1)[support["triple"].to_numpy()]))
    dropped = {**(flagged if options.violations == "drop" else {}), **({"budget": lost} if lost else {})}
    pruned = None if options.kept == 1.0 else (sound, within)
    return Finished(triples, _normalised(rank[used]), support, dropped, flagged, pruned)


def _gathered(statements: Statements) -> tuple[Triples, pl.DataFrame]:
    """(the distinct triples, unranked, their statements: columns triple (the row there) and those of PLACE)."""
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
    confidence = np.maximum.reduceat(support["confidence"].to_numpy(), first)
    support = support.filter(_new_places(support))
    triples = Triples(statements.terms, s, p, o, np.zeros(len(s), np.float32), confidence)
    return triples, support


def _folded(statements: Statements) -> Statements:
    """The statements with those of dbp: that a dbo: one says too turned into further statements of it."""
    columns = statements.columns()
    _, first, row = np.unique(keys(*columns), return_index=True, return_inverse=True)
    p, o = fold(statements.terms, *(column[first] for column in columns))
    rows = statements.rows.with_columns(pl.Series("p", p[row]), pl.Series("o", o[row]))
    return compact(statements.terms, rows)


def _violations(triples: Triples, options: CleanOptions) -> pl.Series:
    """Why the ontology speaks against each triple, null where it does not."""
    if options.violations == "off":
        return pl.Series("why", [None], dtype=pl.String).new_from_index(0, len(triples))
    columns = (triples.terms, triples.s, triples.p, triples.o)
    files = [read_ontology(Path(options.ontology)).axioms] if options.ontology else []
    return violations(*columns, Ontology.of(stated(*columns), *files)).alias("why")


def _new_places(support: pl.DataFrame) -> pl.Series:
    """Which statements of a triple stand at another place than the one before."""
    return support.select(pl.any_horizontal(pl.col("triple", *_PLACE).diff().fill_null(1) != 0)).to_series()


def _normalised(rank: NDArray[np.float64]) -> NDArray[np.float32]:
    total = rank.sum()
    return (rank / total if total else rank).astype(np.float32)
