"""How much a triple tells about its subject, and how central an entity is.

An entity's rank is PageRank (Brin and Page 1998) over the triples between entities. A triple's importance adds up

- specificity, 1 / number of objects of (s, p): one birth date tells more than one of forty types;
- surprise, -log P(o | p): the informativeness of RELIN (Cheng, Tran and Qu 2011), in units of log(number of triples);
- usage, log(count of p): what is told about many is what people ask for, as LinkSUM (Thalhammer et al. 2016) found;
- prominence, the object's PageRank, as LinkSUM has it;

and takes off for an object that is foreign: a class of a vocabulary that supplies none of the graph's predicates, or a
resource of another host. Whether a triple is true plays no part.
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
    place = np.cumsum(entity) - 1
    rank = np.zeros(len(kind))
    rank[entity] = page_rank(place[s[between]], place[o[between]], int(entity.sum()))
    return rank


def informativeness(p: Ids, o: Ids) -> tuple[Floats, Floats]:
    """(usage, surprise) by triple: log(count of p) and -log P(o | p), both divided by log(number of triples)."""
    frame = pl.DataFrame({"p": p, "o": o})
    counts = frame.select(p=pl.len().over("p"), both=pl.len().over("p", "o"))
    return informativeness_of(counts["p"].to_numpy(), counts["both"].to_numpy(), len(p))


def triple_importance(s: Ids, p: Ids, o: Ids, *, terms: pl.Series, rank: Floats) -> NDArray[np.float32]:
    """The importance of each triple, higher is better, about -1 to 3.

    s, p, o: positions in sorted `terms`. rank: by term.
    """
    usage, surprise = informativeness(p, o)
    siblings = pl.DataFrame({"s": s, "p": p}).select(pl.len().over("s", "p")).to_series().to_numpy()
    foreign = _foreign(terms, s, p, o)
    score = 1.0 / siblings + surprise + USAGE * usage + PROMINENCE * prominence(rank, o) - FOREIGN * foreign
    return score.astype(np.float32)


def informativeness_of(p_count: NDArray[Any], both: NDArray[Any], n: int) -> tuple[Floats, Floats]:
    """(usage, surprise) from the counts of p and of (p, o) in a graph of n triples."""
    unit = np.log1p(n) or 1.0
    usage = np.log1p(p_count) / unit
    return usage, np.maximum(0.0, usage - np.log1p(both) / unit)


def prominence(rank: NDArray[Any], of: Ids) -> Floats:
    """The PageRank of terms on a log scale from 0 (the lowest above 0, or none) to 1 (the highest)."""
    top = float(rank.max(initial=0.0))
    low = float(rank.min(where=rank > 0, initial=top))
    chosen = np.asarray(rank[of], dtype=np.float64)
    if low == top:
        return np.zeros(len(chosen))
    return np.where(chosen > 0, np.log(np.maximum(chosen, low) / low) / np.log(top / low), 0.0)


def _foreign(terms: pl.Series, s: Ids, p: Ids, o: Ids) -> NDArray[np.bool_]:
    """Whether each triple's object is foreign."""
    typed = (terms == RDF_TYPE).to_numpy()[p]
    namespace = terms.str.extract(NAMESPACE)
    supplying = namespace.gather(np.unique(p[~typed])).drop_nulls().unique().implode()
    known = namespace.is_in(supplying).fill_null(False).to_numpy()
    host = terms.str.extract(HOST).fill_null("").rank("dense").to_numpy()
    iri = terms.str.starts_with("<").to_numpy()
    return np.asarray(iri[o] & np.where(typed, ~known[o], host[s] != host[o]))
