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
from kg.clean.worth import triple_worth
from kg.errors import EmptyGraph
from kg.graph import codes, kinds, sorted_terms

_KEY = ["s", "p", "o"]
_PLACE = ["source", "record", "start", "end"]


@dataclass(frozen=True)
class Cleaned:
    """Clean statements and the account of what became of those that came in.

    The number of distinct triples in `statements` is `pulled - sum(dropped.values()) + added`. dropped: distinct
    triples by reason. merges: as `kg.clean.merge.Merged` has them. pulled: distinct triples that came in.
    """

    statements: pl.DataFrame
    dropped: dict[str, int]
    merges: pl.DataFrame
    pulled: int
    added: int


@dataclass(frozen=True)
class Finished:
    """The graph to publish.

    triples: distinct, columns s, p, o, `importance` and `confidence` (the highest of its statements), sorted by s, p, o
    as bytes. rank: PageRank by term in sorted order, sums to 1. support: the statements of the triples, sorted by
    `triple` (the row in triples), then by place. dropped: triples by reason ("budget").
    """

    triples: pl.DataFrame
    rank: NDArray[np.float32]
    support: pl.DataFrame
    dropped: dict[str, int]


def clean(statements: pl.DataFrame, options: CleanOptions) -> Cleaned:
    """The statements in normal form about canonical entities, each statement once."""
    pulled = _distinct(statements)
    normal, dropped = normalise(statements, options)
    merged = merge(normal, options)
    dropped = dict(Counter(dropped) + Counter(merged.dropped))
    folded = merged.statements.unique()
    duplicates = pulled + merged.added - sum(dropped.values()) - _distinct(folded)
    if duplicates:
        dropped["duplicate"] = duplicates
    return Cleaned(folded, dropped, merged.merges, pulled, merged.added)


def finish(statements: pl.DataFrame, options: CleanOptions) -> Finished:
    """The triples of clean statements, ranked and pruned to the budget. Raises EmptyGraph."""
    if not len(statements):
        raise EmptyGraph("no triple is left after cleaning. Name a source that has some, or loosen [clean] options.")
    terms = sorted_terms(statements)
    coded = statements.with_columns(**{name: pl.Series(codes(statements[name], terms)) for name in _KEY})
    coded = coded.sort(*_KEY, *_PLACE)
    row = coded.select(pl.struct(_KEY).rle_id().cast(pl.Int64)).to_series()
    triples = coded.group_by(row.alias("triple"), maintain_order=True).agg(
        *(pl.col(name).first() for name in _KEY), pl.col("confidence").max()
    )
    s, p, o = (triples[name].to_numpy() for name in _KEY)
    kind = kinds(terms, s, p, o)
    rank = entity_rank(s, o, kind)
    importance = triple_importance(s, p, o, terms=terms, rank=rank)
    columns = {"s": s, "p": p, "o": o}
    frame = pl.DataFrame(
        [*(terms.gather(ids).alias(name) for name, ids in columns.items()), pl.Series("importance", importance)]
    ).with_columns(triples["confidence"])
    kept = np.ones(len(frame), bool)
    if options.kept != 1:
        worth = triple_worth(s, p, o, rank=rank)
        kept = prune(terms, s, p, o, worth, options.kept, statements=np.bincount(row.to_numpy()))
    used = np.zeros(len(terms), bool)
    for ids in columns.values():
        used[ids[kept]] = True
    position = np.cumsum(kept) - 1
    support = coded.with_columns(triple=row).filter(pl.Series(kept[row.to_numpy()]))
    lost = int((~kept).sum())
    return Finished(
        frame.filter(pl.Series(kept)),
        _normalised(rank[used]),
        support.select(pl.Series("triple", position[support["triple"].to_numpy()]), *_PLACE, "confidence"),
        {"budget": lost} if lost else {},
    )


def _normalised(rank: NDArray[np.float64]) -> NDArray[np.float32]:
    total = rank.sum()
    return (rank / total if total else rank).astype(np.float32)


def _distinct(statements: pl.DataFrame) -> int:
    return statements.select(_KEY).unique().height
