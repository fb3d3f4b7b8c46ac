"""Terms in one form each, and the triples that say nothing left out.

The work is done once for each distinct term and then read off by position, so its cost follows the vocabulary.
"""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from kg.clean.filters import unwanted_predicates
from kg.clean.iris import normal_iris
from kg.clean.literals import normal_literals
from kg.clean.options import CleanOptions
from kg.statements import Statements, count_distinct, keys, rename

REASONS = ("", "dropped predicate", "invalid term", "empty literal", "other language")
"""Why a triple goes, by number; the first that fits counts."""
_PREDICATE, _INVALID = 1, 2


def normalise(statements: Statements, options: CleanOptions) -> tuple[Statements, dict[str, int]]:
    """The statements with normal terms, and how many distinct triples were dropped, by reason."""
    new, reason = _forms(statements.terms, options)
    s, p, o = statements.columns()
    literal = statements.terms.str.starts_with('"').to_numpy()
    resource = statements.terms.str.starts_with("<").to_numpy()
    unwanted = np.zeros(len(new), bool)
    used = np.unique(p)
    unwanted[used] = unwanted_predicates(new.gather(used), options).to_numpy()
    invalid = reason == _INVALID
    why = np.where(invalid[s] | literal[s] | invalid[p] | ~resource[p], _INVALID, reason[o]).astype(np.uint8)
    why[unwanted[p]] = _PREDICATE
    counts = {
        name: count_distinct(keys(s[why == number], p[why == number], o[why == number]))
        for number, name in enumerate(REASONS)
        if number and (why == number).any()
    }
    left = Statements(statements.terms, statements.rows.filter(pl.Series(why == 0)))
    return rename(left, new), dict(sorted(counts.items()))


def _forms(terms: pl.Series, options: CleanOptions) -> tuple[pl.Series, NDArray[np.uint8]]:
    """(normal form, number of the reason to drop it or 0) of each term."""
    literal = terms.str.starts_with('"')
    iris = normal_iris(terms.filter(~literal))
    literals = normal_literals(terms.filter(literal), options.languages)
    reason = np.zeros(len(terms), np.uint8)
    reason[(~literal).to_numpy()] = np.where(iris["valid"].to_numpy(), 0, _INVALID)
    numbered = literals["reason"].replace_strict(REASONS[1:], range(1, len(REASONS)), return_dtype=pl.UInt8)
    reason[literal.to_numpy()] = numbered.fill_null(0).to_numpy()
    place = np.empty(len(terms), np.int64)
    place[(~literal).to_numpy()] = np.arange(len(iris))
    place[literal.to_numpy()] = len(iris) + np.arange(len(literals))
    return pl.concat([iris["new"], literals["new"]]).gather(place), reason
