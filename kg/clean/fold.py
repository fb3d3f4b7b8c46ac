"""DBpedia's raw statements (dbp:) that repeat a mapped one (dbo:).

DBpedia reads an infobox twice: as it stands into its property namespace, and through community mappings into its
ontology. A dbp: and a dbo: predicate say the same if they have one local name, case aside, or if the data show it: of
the values that either has for subjects with both, at least `SAME` are values of the other, counted over at least
`SUPPORT` of them. Both ways, for dbp:father lies within dbo:parent and says more.

A subject's dbp: values are folded if the dbo: predicates that say the same have all of them: so no list of values is
left in part. Two literals are one value if their texts are equal, whatever their language or XML Schema type.
"""

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from kg.arrays import spread
from kg.terms import PREFIXES

SAME, SUPPORT = 0.8, 20
RAW = r"^<https?://(?:[a-z-]+\.)?dbpedia\.org/property/([^>]+)>$"
MAPPED = rf"^<{PREFIXES['dbo']}([^>]+)>$"
_TYPED = rf'"(?:@[A-Za-z0-9-]+|\^\^<{PREFIXES["xsd"]}[^>]*>)$'
Ids = NDArray[Any]


def fold(terms: pl.Series, s: Ids, p: Ids, o: Ids) -> tuple[Ids, Ids]:
    """(p, o): for each of the distinct triples the predicate and the object of the one that says it, often its own.

    terms: sorted and distinct N-Triples terms, literals in normal form. s, p, o: positions in them, one integer type.
    """
    used = np.flatnonzero(np.bincount(p, minlength=len(terms)))
    names = terms.gather(used)
    raw, mapped = (names.str.extract(pattern).str.to_lowercase() for pattern in (RAW, MAPPED))
    place = np.full(len(terms), -1, np.int32)
    place[used] = np.arange(len(used))
    code = place[p]
    local = pl.concat([raw, mapped]).fill_null("").rank("dense").to_numpy()
    local_raw, local_mapped = local[: len(used)], local[len(used) :]
    low = np.flatnonzero(raw.is_not_null().to_numpy()[code])
    high = np.flatnonzero(mapped.is_not_null().to_numpy()[code])
    value = _values(terms, o[low], o[high])
    key = [s[rows].astype(np.uint64) << np.uint64(32) | value[o[rows]] for rows in (low, high)]
    at, to = _meet(*key)
    if not len(at):
        return p, o
    same = _same(local_raw, local_mapped, code[low], code[high], s[low], s[high], at, to)
    one_name = local_raw[code[low[at]]] == local_mapped[code[high[to]]]
    best = np.lexsort((code[high[to]], ~one_name, at))
    best = best[same[best]]
    at, to = at[best], to[best]
    first = np.flatnonzero(np.diff(at, prepend=-1))
    target = np.full(len(low), -1, np.int64)
    target[at[first]] = high[to[first]]
    _, group = np.unique(s[low].astype(np.uint64) << np.uint64(32) | code[low].astype(np.uint64), return_inverse=True)
    whole = np.bincount(group, weights=target < 0) == 0
    folded = whole[group]
    new_p, new_o = p.copy(), o.copy()
    new_p[low[folded]], new_o[low[folded]] = p[target[folded]], o[target[folded]]
    return new_p, new_o


def _values(terms: pl.Series, *objects: Ids) -> NDArray[np.uint64]:
    """By term the position of the first term of the same value, as far as objects go."""
    value = np.arange(len(terms), dtype=np.uint64)
    seen = np.zeros(len(terms), bool)
    for ids in objects:
        seen[ids] = True
    used = np.flatnonzero(seen & terms.str.starts_with('"').to_numpy())
    text = terms.gather(used).str.replace(_TYPED, '"')
    first = pl.DataFrame({"text": text, "at": used}).select(pl.col("at").min().over("text"))
    value[used] = first.to_series().to_numpy()
    return value


def _meet(low: NDArray[np.uint64], high: NDArray[np.uint64]) -> tuple[Ids, Ids]:
    """The positions (in low, in high) of all pairs of equal keys, ascending in the first."""
    order = np.argsort(high, kind="stable")
    ordered = high[order]
    start, end = (np.searchsorted(ordered, low, side=side) for side in ("left", "right"))
    at, inside = spread(end - start)
    return at, order[start[at] + inside]


def _same(raw: Ids, mapped: Ids, low: Ids, high: Ids, s_low: Ids, s_high: Ids, at: Ids, to: Ids) -> NDArray[np.bool_]:
    """For each meeting whether its predicates say the same."""
    key, which, met = np.unique(low[at].astype(np.int64) << 32 | high[to], return_inverse=True, return_counts=True)
    pairs = np.stack([key >> 32, key & 0xFFFFFFFF], axis=1)
    same = raw[pairs[:, 0]] == mapped[pairs[:, 1]]
    rows = [_by_predicate(codes, len(raw)) for codes in (low, high)]
    has = np.zeros(int(max(s_low.max(), s_high.max())) + 1, bool)
    for number in np.flatnonzero(~same & (met >= SUPPORT)):
        subjects = [side[each[code]] for side, each, code in zip((s_low, s_high), rows, pairs[number], strict=True)]
        shares = []
        for mine, other in (subjects, subjects[::-1]):
            has[other] = True
            shares.append(met[number] / has[mine].sum())
            has[other] = False
        same[number] = min(shares) >= SAME
    return np.asarray(same[which])


def _by_predicate(codes: Ids, n: int) -> list[Ids]:
    """The rows of each predicate."""
    order = np.argsort(codes, kind="stable")
    return np.split(order, np.cumsum(np.bincount(codes, minlength=n))[:-1])
