"""How much a triple tells about its subject, and how central an entity is.

An entity's rank is PageRank (Brin and Page 1998) over the triples between entities. A triple's importance adds up

- specificity, 1 / number of objects of (s, p): one birth date tells more than one of forty types;
- surprise, -log P(o | p): the informativeness of RELIN (Cheng, Tran and Qu 2011), in units of log(number of triples);
- usage, log(count of p): what is told about many is what people ask for, as LinkSUM (Thalhammer et al. 2016) found;
- prominence, the object's PageRank, as LinkSUM has it;

and takes off for an object that is foreign: a class of a vocabulary that supplies none of the graph's predicates, or a
resource of another host. Whether a triple is true plays no part. Ten million triples take seconds, and columns of
float32 and uint32 besides two of 64 bits.
"""

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from kg.graph import BLANK, ENTITY, Ids
from kg.terms import RDF_TYPE

USAGE, PROMINENCE, FOREIGN = 0.5, 0.3, 1.0
"""Weights against specificity's and surprise's 1, chosen on the development part of ESBM; none is sharp."""

NAMESPACE = r"^<?(.*[/#])"
HOST = r"^<?[a-z]+://([^/>]*)"

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]


def page_rank(
    s: Ids, o: Ids, n: int, *, damping: float = 0.85, iterations: int = 50, tolerance: float = 1e-9
) -> Floats:
    """PageRank of n nodes with edges s -> o, shape (n,), sums to 1; an edge that comes twice counts twice.

    Power iteration until the L1 change is below `tolerance`. A node without out-edges gives its rank to all evenly.
    """
    from scipy.sparse import csr_array

    if n == 0:
        return np.zeros(0)
    degree = np.bincount(s, minlength=n).astype(np.float64)
    links = csr_array((1.0 / degree[s], (o, s)), shape=(n, n))
    dangling = degree == 0
    rank = np.full(n, 1.0 / n)
    for _ in range(iterations):
        after = damping * (links @ rank + rank[dangling].sum() / n) + (1.0 - damping) / n
        change = np.abs(after - rank).sum()
        rank = after
        if change < tolerance:
            break
    return np.asarray(rank / rank.sum())


def entity_rank(s: Ids, o: Ids, kind: NDArray[np.uint8]) -> Floats:
    """PageRank by term over the triples between entities; 0 for what is no entity, sums to 1 over those that are."""
    entity = (kind == ENTITY) | (kind == BLANK)
    between = entity[s] & entity[o]
    place = np.cumsum(entity, dtype=np.int32) - 1
    rank = np.zeros(len(kind))
    rank[entity] = page_rank(place[s[between]], place[o[between]], int(entity.sum()))
    return rank


def informativeness(p: Ids, o: Ids) -> tuple[Singles, Singles]:
    """(usage, surprise) by triple: log(count of p) and -log P(o | p), both divided by log(number of triples)."""
    return informativeness_of(np.bincount(p).astype(np.uint32)[p] if len(p) else p, group_sizes(p, o), len(p))


def triple_importance(s: Ids, p: Ids, o: Ids, *, terms: pl.Series, rank: Floats) -> Singles:
    """The importance of each triple, higher is better, about -1 to 3: the order of one entity's triples among
    themselves. What a whole graph can do without is `kg.clean.worth`.

    s, p, o: positions in sorted `terms`. rank: by term.
    """
    usage, score = informativeness(p, o)
    score += np.float32(USAGE) * usage
    score += 1 / group_sizes(s, p).astype(np.float32)
    score += np.float32(PROMINENCE) * prominence(rank, np.arange(len(rank), dtype=np.int32))[o]
    score[_foreign(terms, s, p, o)] -= FOREIGN
    return score


def group_sizes(one: Ids, other: Ids) -> NDArray[np.uint32]:
    """For each row, in how many rows the pair (one, other) occurs.

    >>> group_sizes(np.array([1, 1, 2]), np.array([7, 7, 7])).tolist()
    [2, 2, 1]
    """
    key = one.astype(np.uint64) << np.uint64(32)
    key |= other.astype(np.uint64)
    order = np.argsort(key)
    key = key[order]
    first = np.flatnonzero(np.diff(key, prepend=~key[:1]))
    sizes = np.diff(first, append=len(key)).astype(np.uint32)
    by_row = np.empty(len(key), np.uint32)
    by_row[order] = np.repeat(sizes, sizes)
    return by_row


def informativeness_of(p_count: NDArray[Any], both: NDArray[Any], n: int) -> tuple[Singles, Singles]:
    """(usage, surprise) from the counts of p and of (p, o) in a graph of n triples."""
    unit = np.float32(np.log1p(n) or 1.0)
    usage = np.log1p(p_count, dtype=np.float32) / unit
    return usage, np.maximum(np.float32(0), usage - np.log1p(both, dtype=np.float32) / unit)


def prominence(rank: NDArray[Any], of: Ids) -> Singles:
    """The PageRank of terms on a log scale from 0 (the lowest above 0, or none) to 1 (the highest)."""
    top = float(rank.max(initial=0.0))
    low = float(rank.min(where=rank > 0, initial=top))
    if low == top:
        return np.zeros(len(of), np.float32)
    chosen = np.maximum(np.asarray(rank)[of], low)
    return np.asarray(np.log(chosen / low) / np.log(top / low), np.float32)


def foreign_types(terms: pl.Series, p: Ids, o: Ids) -> NDArray[np.bool_]:
    """The rows that give a type from a vocabulary that supplies none of the graph's other predicates."""
    typed = (terms == RDF_TYPE).to_numpy()[p]
    own = terms.gather(np.unique(p[~typed])).str.extract(NAMESPACE).drop_nulls().unique().implode()
    classes = np.unique(o[typed])
    named = terms.gather(classes)
    known = named.str.extract(NAMESPACE).is_in(own).fill_null(False) | ~named.str.starts_with("<")
    foreign = np.zeros(len(terms), bool)
    foreign[classes] = ~known.to_numpy()
    return np.asarray(typed & foreign[o])


def _foreign(terms: pl.Series, s: Ids, p: Ids, o: Ids) -> NDArray[np.bool_]:
    """Whether each triple's object is foreign."""
    iri = terms.str.starts_with("<")
    parts = pl.when(iri).then(terms).str.splitn("/", 4).struct.field("field_2").str.strip_chars_end(">")
    host = pl.select(parts.fill_null("").cast(pl.Categorical).to_physical()).to_series().to_numpy()
    typed = (terms == RDF_TYPE).to_numpy()[p]
    foreign = iri.to_numpy()[o] & (host[s] != host[o]) & ~typed
    return np.asarray(foreign | foreign_types(terms, p, o))
