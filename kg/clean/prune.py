"""Fewer triples where there is a budget: a share of them, or bytes on disk.

Triples are kept in one order (`keep_order`), so a smaller budget always keeps a part of what a larger one keeps, and
the order of the rows does not matter.
"""

import math
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from kg.clean.importance import Singles, foreign_types
from kg.clean.size import FIXED, running_bytes
from kg.clean.worth import restated_names
from kg.errors import ConfigError
from kg.graph import Ids
from kg.labels import LABELS
from kg.terms import RDF_TYPE

STRUCTURAL = (*LABELS, RDF_TYPE)
"""Predicates of names and classes: kept with the first fact about an entity, for without them it is hard to find."""

Rows = NDArray[np.int64]


def prune(
    terms: pl.Series,
    s: Ids,
    p: Ids,
    o: Ids,
    worth: Singles,
    budget: float,
    *,
    statements: NDArray[Any] | None = None,
    documents: int = 0,
) -> NDArray[np.bool_]:
    """Which distinct triples to keep, shape (n,).

    s, p, o: positions in `terms`, which are sorted by their bytes. worth: by triple, see `kg.clean.worth`. budget: a
    float is a share, of which ceil(budget * n) triples are kept, at least one; an int is the bytes that the graph may
    take on disk by the estimate of `kg.clean.size.disk_bytes`, to which `statements` and `documents` belong.

    Raises ConfigError for bytes that hold no triple.
    """
    order = keep_order(terms, s, p, o, worth)
    if isinstance(budget, int):
        supported = None if statements is None else statements[order]
        total = running_bytes(terms, s[order], p[order], o[order], statements=supported)
        wanted = int(np.searchsorted(total, budget - FIXED - documents, side="right"))
        if not wanted and len(total):
            least = math.ceil(total[0]) + FIXED + documents
            raise ConfigError(f"clean.budget: {budget:,} bytes hold no triple; give at least {least:,}.")
    else:
        wanted = min(len(order), max(1, math.ceil(budget * len(order) - 1e-9)))
    keep = np.zeros(len(order), bool)
    keep[order[:wanted]] = True
    return keep


def keep_order(terms: pl.Series, s: Ids, p: Ids, o: Ids, worth: Singles) -> Rows:
    """All rows, those to keep longest first.

    Facts come by their worth, ties by their bytes. After the first fact that an entity has a part in come its names and
    classes. Last are the names that the IRI itself gives, and a class of a foreign vocabulary is a fact like others.
    """
    by_bytes = _sorted_rows(s, p, o)
    restated = restated_names(terms, s, p, o)
    structural = terms.is_in(STRUCTURAL).to_numpy()[p] & ~foreign_types(terms, p, o)
    facts = _best_first(by_bytes[~structural[by_bytes]], worth)
    first = np.full(len(terms), len(facts), np.int64)
    place = np.arange(len(facts))
    for ends in (s, o):
        np.minimum.at(first, ends[facts], place)
    names = _best_first(by_bytes[(structural & ~restated)[by_bytes]], worth)
    after = first[s[names]]
    told = np.concatenate([facts, names])[np.argsort(np.concatenate([2 * place, 2 * after + 1]), kind="stable")]
    return np.concatenate([told, _best_first(by_bytes[restated[by_bytes]], worth)])


def _best_first(rows: Rows, worth: Singles) -> Rows:
    return rows[np.argsort(-worth[rows], kind="stable")]


def _sorted_rows(s: Ids, p: Ids, o: Ids) -> Rows:
    """The rows in the order of (s, p, o)."""
    before = np.s_[:-1], np.s_[1:]
    (s0, s1), (p0, p1), (o0, o1) = ([column[part] for part in before] for column in (s, p, o))
    if ((s0 < s1) | ((s0 == s1) & ((p0 < p1) | ((p0 == p1) & (o0 < o1))))).all():
        return np.arange(len(s))
    return np.lexsort((o, p, s))
