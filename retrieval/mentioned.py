"""The seeds that a question names, each at its place, with the log of the probability that it is meant.

Of overlapping spans all stay that are likely enough: the paths around each decide. Few spans stay, since each costs an
encoding of the question without it.
"""

import numpy as np

from kg.linking.aliases import Aliases
from kg.linking.belief import WEIGHTS, believe
from kg.linking.candidates import find_names
from kg.linking.question import Word, read_words
from retrieval.features import TRAITS
from retrieval.path import Seed

_TRAITS = [list(WEIGHTS).index(name) for name in TRAITS]
MOST_SEEDS = 24
"""Most seeds of one question, the likeliest: each costs a reading of the question."""
MOST_SPANS = 8
"""Most distinct spans of one question that have seeds."""
LEAST = -6.0
"""Seeds whose probability has a lower log are left out."""


def mentioned(question: str, aliases: Aliases) -> list[Seed]:
    """The entities that a question names, each once, where it is likeliest; the likeliest first."""
    words = read_words(question)
    if not words:
        return []
    found = find_names(words, aliases)
    believed = believe(words, found, aliases)
    first, last = found.first[believed.span], found.last[believed.span]
    seeds: dict[int, Seed] = {}
    places: set[tuple[int, int]] = set()
    for row in np.lexsort((believed.entity, last, first, -believed.log_p)).tolist():
        entity, log_p, place = int(believed.entity[row]), float(believed.log_p[row]), (int(first[row]), int(last[row]))
        if len(seeds) == MOST_SEEDS or log_p < LEAST:
            break
        if entity in seeds or (len(places) == MOST_SPANS and place not in places):
            continue
        places.add(place)
        traits = tuple(believed.features[row, _TRAITS].tolist())
        seeds[entity] = Seed(entity, *_characters(question, words, *place), log_p, traits)
    return list(seeds.values())


def _characters(question: str, words: list[Word], first: int, last: int) -> tuple[int, int]:
    """The characters of a span: with the bracket that it opens, and with the full stop of its last initial."""
    start, end = words[first].start, words[last - 1].end
    following = question[end : end + 1]
    opens = question.count("(", start, end) > question.count(")", start, end)
    is_initial = last - first > 1 and len(words[last - 1].key) == 1 and end < len(question.rstrip()) - 1
    return start, end + ((opens and following == ")") or (is_initial and following == "."))
