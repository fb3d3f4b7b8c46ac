"""What a graph loses least by keeping: the order in which pruning takes triples.

A triple's worth is the share of its two ends' PageRank that it carries among the triples of the same predicate at that
end, over the root of the predicate's frequency:

    log(rank(s) / count(s, p)) + log(rank(o) / count(p, o)) - log(count(p)) / 2

So the facts about what is central stay, the twentieth value of one predicate goes before the first of another, and of
two predicates the rare one keeps the larger part; the root lies between keeping the same share of every predicate and
the same number. What tells most about one entity is another question, and `kg.clean.importance` another measure.
"""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from kg.clean.importance import Floats, Singles, group_sizes
from kg.graph import Ids
from kg.terms import RDFS_LABEL

NAME = r"^<.*?(?:/resource/|[/#])(?:Category:)?([^/#]*)>$"
TEXT = r'^"([^"\\%]*)"(?:@en)?$'


def triple_worth(s: Ids, p: Ids, o: Ids, *, rank: Floats) -> Singles:
    """The worth of each triple to the graph, higher is better. rank: by term, as `kg.clean.importance.entity_rank`
    gives it; a literal, which has none, counts as the least."""
    top = float(rank.max(initial=0.0))
    low = float(rank.min(where=rank > 0, initial=top)) or 1.0
    log_rank = np.log(np.maximum(rank, low) / low).astype(np.float32)
    worth = log_rank[s] - np.log(group_sizes(s, p), dtype=np.float32)
    worth += log_rank[o]
    worth -= np.log(group_sizes(p, o), dtype=np.float32)
    worth -= np.log(np.maximum(np.bincount(p), 1), dtype=np.float32)[p] / 2 if len(p) else 0
    return worth


def restated_names(terms: pl.Series, s: Ids, p: Ids, o: Ids) -> NDArray[np.bool_]:
    """The rows with an rdfs:label that reads as the IRI does; without it the entity has the same name.

    A name with a percent sign or an escape in it never counts.
    """
    rows = np.flatnonzero((terms == RDFS_LABEL).to_numpy()[p])
    names = pl.DataFrame({"iri": terms.gather(s[rows]), "text": terms.gather(o[rows])})
    same = pl.col("iri").str.extract(NAME).str.replace_all("_", " ") == pl.col("text").str.extract(TEXT)
    restated = np.zeros(len(p), bool)
    restated[rows] = names.select(same.fill_null(False)).to_series().to_numpy()
    return restated
