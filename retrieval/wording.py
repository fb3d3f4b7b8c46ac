"""Words of questions and of names, as they are compared: folded, without endings, without those that say nothing."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from kg.linking.surfaces import fold
from kg.linking.words import STOP_WORDS

_WORD = re.compile(r"[^\W_]+")
_ENDINGS = ("ings", "ing", "ers", "ors", "er", "or", "ies", "ied", "ed", "es", "s", "e", "y")


def words_of(text: str) -> list[tuple[int, int, str]]:
    """(start, end, stem) of each word of a text; stop words have the stem "".

    >>> words_of("Which films")
    [(0, 5, ''), (6, 11, 'film')]
    """
    return [(m.start(), m.end(), stem(m.group())) for m in _WORD.finditer(text)]


@lru_cache(maxsize=65_536)
def stem(word: str) -> str:
    """A word without its ending; "" for a stop word. Two words of one stem are likely forms of one word.

    >>> stem("directed") == stem("director") == stem("directs"), stem("the")
    (True, '')
    """
    folded = fold(word).strip().lower()
    if folded in STOP_WORDS:
        return ""
    for ending in _ENDINGS:
        if folded.endswith(ending) and len(folded) - len(ending) >= _SHORTEST:
            return folded.removesuffix(ending)
    return folded


_SHORTEST = 3


class Wording:
    """The stems of many names, so that those which share words with a question are found at once."""

    def __init__(self, names: Sequence[str]) -> None:
        owners: dict[str, list[int]] = defaultdict(list)
        self._sizes = np.ones(len(names), np.float32)
        for number, name in enumerate(names):
            stems = {found for _, _, found in words_of(name) if found}
            self._sizes[number] = max(len(stems), 1)
            for found in stems:
                owners[found].append(number)
        self._owners = {found: np.array(numbers, np.int64) for found, numbers in owners.items()}

    def shares(self, stems: Iterable[str]) -> NDArray[np.float32]:
        """For each name the share of its stems that are among these, shape (n,)."""
        counts = np.zeros(len(self._sizes), np.float32)
        for found in set(stems):
            if found in self._owners:
                counts[self._owners[found]] += 1
        return counts / self._sizes
