"""Fewer triples where there is a budget: what an entity is called and what it is stay first."""

import math
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from kg.labels import LABELS
from kg.terms import RDF_TYPE, SKOS_ALT_LABEL

STRUCTURAL = (*LABELS, SKOS_ALT_LABEL, RDF_TYPE)
"""Predicates kept first: without them an entity can be neither named nor found."""


def prune(triples: pl.DataFrame, importance: NDArray[Any], budget: float) -> NDArray[np.bool_]:
    """Which distinct triples (columns s, p, o of N-Triples terms) to keep: ceil(budget * n) of them, at least one.

    Labels and types come first, then the most important triple of each resource that these leave out, then the rest,
    each by importance, ties by their bytes; so the order of the rows does not matter.
    """
    n = len(triples)
    wanted = min(n, max(1, math.ceil(budget * n - 1e-9)))
    if wanted == n:
        return np.ones(n, bool)
    frame = triples.select("s", "p", "o").with_columns(
        pl.Series("importance", importance), place=pl.int_range(pl.len()), structural=pl.col("p").is_in(STRUCTURAL)
    )
    frame = frame.sort(~pl.col("structural"), -pl.col("importance"), "s", "p", "o")
    first = (
        pl.concat([frame.select("place", "structural", name=name) for name in ("s", "o")])
        .with_columns(order=pl.int_range(pl.len()) % n)
        .filter(~pl.col("name").str.starts_with('"'))
        .sort("order", maintain_order=True)
        .unique("name", keep="first", maintain_order=True)["place"]
    )
    ranked = frame.with_columns(covers=pl.col("place").is_in(first.unique().implode())).sort(
        ~pl.col("structural"), ~pl.col("covers"), maintain_order=True
    )
    keep = np.zeros(n, bool)
    keep[ranked["place"].head(wanted).to_numpy()] = True
    return keep
