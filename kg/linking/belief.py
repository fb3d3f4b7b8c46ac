"""How likely each entity is one that a question names: a logistic model over what its span and its name show.

The weights were fitted by maximum likelihood, with a mild pull to zero, to the candidates of one half, by entity, of
the questions of QALD-7 to 9 (MIT licence) over DBpedia, as they are and in lower case: a candidate is right if the
query behind the question names it. They are few and speak of names in general, so they serve other graphs as well;
which namesake is meant is left to the paths.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kg.arrays import spread
from kg.graph import Ids
from kg.linking.aliases import LAST_NAME, OTHER_NAME, Aliases
from kg.linking.found import Found
from kg.linking.matches import is_name_part
from kg.linking.question import Word

PER_NAME = 12
"""Most entities of one surface."""

WEIGHTS = {
    "one": -6.33,
    "share": 0.78,  # ln of the entity's prior among those of the surface
    "popularity": 1.07,  # ln of what that prior is a share of
    "last_name": 6.45,  # the surface is the last word of a person's name, and not plain
    "other_name": 3.92,  # it is a stated name or a redirect, not the label
    "lower": -1.35,  # it is not the whole label, and the span has no capital
    "small": -0.92,  # the span has no capital, where other names have
    "coverage": 2.81,  # the share of the name that the question has
    "weight": 2.06,  # of the matched words, at most 2.5: 1 is a word of one name alone
    "plain": -2.31,  # all words are everyday ones and not capitalised, or numbers
    "plain_other": -0.77,  # that, and it is not the label
    "plain_words": 0.34,  # words in the span where that is so
    "beside": -0.12,  # a word next to the span is capitalised
    "overlap": -2.68,  # how much better the best overlapping span is, by the weight that it matches
    "lower_overlap": 1.78,  # that, where the span is lower
    "words": -0.3,  # in the span
    "candidates": -0.69,  # ln of one more than the surface's entities
}


@dataclass(frozen=True)
class Believed:
    """Candidates by column, unordered. span: place in `Found`. entity: id of the graph. log_p: of being named.
    features: what speaks for it, shape (n, len(WEIGHTS))."""

    span: NDArray[np.int64]
    entity: Ids
    log_p: NDArray[np.float64]
    features: NDArray[np.float64]


def believe(words: list[Word], found: Found, aliases: Aliases) -> Believed:
    """The entities of each span, at most `PER_NAME`, each with the log of the probability that it is meant."""
    span, at = candidates(found, aliases)
    table = features(words, found, aliases, span, at)
    logit = table @ np.array(list(WEIGHTS.values()))
    return Believed(span, np.asarray(aliases.candidate[at]), -np.logaddexp(0.0, -logit), table)


def candidates(found: Found, aliases: Aliases) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The likeliest entities of each span: its place in `found`, and the candidate's place in `aliases`."""
    first = aliases.pointer[found.row]
    span, inside = spread(np.minimum(aliases.pointer[found.row + 1] - first, PER_NAME))
    return span, first[span] + inside


def features(
    words: list[Word], found: Found, aliases: Aliases, span: NDArray[np.int64], at: NDArray[np.int64]
) -> NDArray[np.float64]:
    """The values that `WEIGHTS` is of, shape (candidates, weights)."""
    kind = aliases.kind[at]
    size = np.bincount(span, minlength=len(found.row))
    capitals = _count([word.capital and not word.stop for word in words], found.first, found.last)
    plain = _is_plain(words, found, aliases, capitals)[span]
    is_cased = any(is_name_part(words, place) and not words[place].key[0].isdigit() for place in range(len(words)))
    is_small = is_cased & (capitals[span] == 0)
    overlap = _overlap(found)[span]
    is_label = (kind != LAST_NAME) & (kind != OTHER_NAME) & (found.coverage[span] == 1)
    is_lower = ~is_label & (capitals[span] == 0)
    is_other, size_of = kind == OTHER_NAME, (found.last - found.first)[span]
    columns = (
        np.ones(len(at)),
        np.log(np.maximum(aliases.prior[at], 1e-6)),
        aliases.popularity[at],
        (kind == LAST_NAME) & ~plain,
        is_other,
        is_lower,
        is_small,
        found.coverage[span],
        np.minimum(found.weight, 2.5)[span],
        plain,
        plain & is_other,
        plain * size_of,
        _is_beside(words, found)[span],
        overlap,
        is_lower * overlap,
        size_of,
        np.log1p(size)[span],
    )
    return np.stack(columns, axis=1)


def _is_plain(words: list[Word], found: Found, aliases: Aliases, capitals: NDArray[np.int64]) -> NDArray[np.bool_]:
    content = _count([not word.stop for word in words], found.first, found.last)
    letters = _count([not word.key.isdigit() for word in words], found.first, found.last)
    rare = _count([not (word.stop or aliases.names.is_common(word.key)) for word in words], found.first, found.last)
    return np.asarray(((rare == 0) & (capitals < content)) | (letters == 0))


def _is_beside(words: list[Word], found: Found) -> NDArray[np.bool_]:
    part = np.array([is_name_part(words, place) for place in range(-1, len(words) + 1)])
    return np.asarray(part[found.first] | part[found.last + 1])


def _overlap(found: Found) -> NDArray[np.float64]:
    """By how much the best span that overlaps each one is better, by the weight that it matches; 0 for the best."""
    worth = found.coverage * found.weight**2 / np.maximum(found.weight + found.gaps, 1e-9)
    overlaps = (found.first[:, None] < found.last) & (found.first < found.last[:, None])
    return np.asarray((overlaps * worth).max(axis=1, initial=0.0) - worth)


def _count(flags: list[bool], first: NDArray[np.int64], last: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many flags are set in each range of words."""
    total = np.concatenate([[0], np.cumsum(flags)]).astype(np.int64)
    return np.asarray(total[last] - total[first], np.int64)
