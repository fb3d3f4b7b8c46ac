"""Names of which a question has only some words, or has them misspelt or in another order.

The names that hold the question's rarest words are looked at, `HELD` at most, so that the cost does not grow with the
graph. Of each the words near its rarest one are matched, and the names with the most weight matched are kept.
"""

import numpy as np
from numpy.typing import NDArray

from kg.arrays import spread, take_rows
from kg.graph import Ids
from kg.linking.found import Found
from kg.linking.matches import STOP, Matches
from kg.linking.names import Names

EDIT_COST = 0.3
"""The share of a word's weight that each edit takes."""
MOST = 24
"""Most names of a question that are kept."""
WITHIN = 6
"""Words between a name's rarest word and another one of it."""
HELD = 2500
"""Most names that are looked at for a question."""
KNOWN = 20
"""A word that more names hold is taken for a misspelt one only beside other words of the name."""


def find_parts(matches: Matches, names: Names) -> Found:
    """The likeliest `MOST` names, the likeliest first."""
    name, anchor = _anchored(matches, names)
    begin = names.pointer[name]
    group, inside = spread(names.pointer[name + 1] - begin)
    of = names.of[begin[group] + inside]
    weight = names.weight[of].astype(np.float64)
    at = _nearest(matches, of, anchor[group])
    held = np.flatnonzero(at >= 0)
    like = weight[held] * (1.0 - EDIT_COST * matches.edits[at[held]])
    best = _first_of_each(group[held] * len(matches.share) + matches.place[at[held]], like)
    owner, place, like = group[held][best], matches.place[at[held]][best], like[best]

    n, n_words = len(name), len(matches.share)
    shown = matches.share[place] > STOP
    first, last = np.full(n, n_words), np.zeros(n, np.int64)
    np.minimum.at(first, owner[shown], place[shown])
    np.maximum.at(last, owner[shown], place[shown] + 1)
    before = np.concatenate([[0.0], np.cumsum(matches.weight)])
    gaps = before[last] - before[first] - np.bincount(owner[shown], matches.weight[place[shown]], n)
    coverage = np.bincount(owner, like, n) / np.maximum(np.bincount(group, weight, n), 1e-9)
    total = np.bincount(owner, like * matches.share[place], n).astype(np.float64)
    found = Found(first, last, names.row[name].astype(np.int64), coverage, total, np.maximum(gaps, 0.0))
    return take_rows(found, np.argsort(found.gaps - total * np.sqrt(coverage), kind="stable")[:MOST])


def _anchored(matches: Matches, names: Names) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The names that hold the question's rarest words, each once, ascending, and the place of the rarest."""
    size = names.holds_pointer[matches.word + 1] - names.holds_pointer[matches.word]
    is_same = matches.edits == 0
    known = np.zeros(len(matches.share), np.int64)
    known[matches.place[is_same]] = size[is_same]
    share = matches.share[matches.place]
    may = np.flatnonzero((share > STOP) & (is_same | (known[matches.place] <= KNOWN)))
    may = may[np.argsort(size[may] * (1 + 2 * matches.edits[may]) / share[may], kind="stable")]
    rare = may[np.cumsum(size[may]) <= HELD]
    group, inside = spread(size[rare])
    names_of = names.holds[names.holds_pointer[matches.word[rare]][group] + inside].astype(np.int64)
    name, at = np.unique(names_of, return_index=True)
    return name, matches.place[rare][group][at]


def _nearest(matches: Matches, words: Ids, anchor: NDArray[np.int64]) -> NDArray[np.int64]:
    """For each word of a name the match that is nearest to the anchor, at most `WITHIN` words from it, or -1."""
    low, high = np.searchsorted(matches.word, words, "left"), np.searchsorted(matches.word, words, "right")
    best, least = np.full(len(words), -1), np.full(len(words), WITHIN + 1)
    for step in range(int((high - low).max(initial=0))):
        at = np.minimum(low + step, len(matches.word) - 1)
        away = np.abs(matches.place[at] - anchor)
        nearer = np.flatnonzero((low + step < high) & (away < least))
        best[nearer], least[nearer] = at[nearer], away[nearer]
    return best


def _first_of_each(key: NDArray[np.int64], value: NDArray[np.float64]) -> NDArray[np.int64]:
    """For each distinct key the position of its greatest value: a word of the question is one word of a name."""
    order = np.lexsort((-value, key))
    return order[np.flatnonzero(np.diff(key[order], prepend=-1))]
