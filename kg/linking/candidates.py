"""The names that a question may have: every n-gram that is one, and names that it has in part (`kg.linking.partial`).

Nothing is decided here: of overlapping spans all are kept, with what tells the likely from the unlikely, for
`kg.linking.belief`.
"""

import numpy as np
from numpy.typing import NDArray

from kg.arrays import join_rows, take_rows
from kg.linking.aliases import Aliases
from kg.linking.demonyms import COUNTRY_OF
from kg.linking.found import Found
from kg.linking.matches import match_words
from kg.linking.partial import EDIT_COST, find_parts
from kg.linking.question import Word, ngrams

_JOINED_WORDS = 4
"""Most words of an n-gram, and letters of one, that is looked up without regard to spaces."""
_COVERAGE = 1.0 - 0.5 * EDIT_COST
"""Of a name that differs in its spaces, and of a country's for the word for what comes from it."""


def find_names(words: list[Word], aliases: Aliases) -> Found:
    """The spans of a question that match a surface, whole or in part, unordered."""
    matches = match_words(words, aliases.names)
    whole = _whole(words, matches.weight, aliases)
    parts = find_parts(matches, aliases.names)
    return join_rows([whole, take_rows(parts, np.flatnonzero(~np.isin(parts.row, whole.row)))])


def _whole(words: list[Word], weight: NDArray[np.float64], aliases: Aliases) -> Found:
    places, surfaces = ngrams(words)
    rows = aliases.rows(surfaces)
    loose = [
        place
        for place, ((first, last), row) in enumerate(zip(places, rows.tolist(), strict=True))
        if row < 0 and last - first <= _JOINED_WORDS <= len(surfaces[place])
    ]
    adjectives = [place for place, surface in enumerate(surfaces) if surface in COUNTRY_OF]
    joined = aliases.names.joined_rows([surfaces[place] for place in loose])
    countries = aliases.rows([COUNTRY_OF[surfaces[place]] for place in adjectives])
    rows = np.concatenate([rows, joined, countries])
    keep = np.flatnonzero(rows >= 0)
    at = np.concatenate([np.arange(len(places)), np.array(loose + adjectives, np.int64)])[keep]
    first, last = np.array(places, np.int64).reshape(-1, 2)[at].T
    before = np.concatenate([[0.0], np.cumsum(weight)])
    coverage = np.where(keep < len(places), 1.0, _COVERAGE)
    return Found(first, last, rows[keep], coverage, before[last] - before[first], np.zeros(len(keep)))
