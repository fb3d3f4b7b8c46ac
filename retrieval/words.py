"""The words that a text is found by: lower case, without those that every question has, a plural as its singular."""

import re
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from kg.linking.words import STOP_WORDS

_WORD = re.compile(r"\w\w+")


@dataclass(frozen=True)
class Words:
    """The words of many texts as columns: `vocabulary` numbers them in the order in which they first come, `numbers`
    are those of all texts end to end, `lengths` says how many each text has."""

    vocabulary: dict[str, int]
    numbers: NDArray[np.int64]
    lengths: NDArray[np.int64]

    @classmethod
    def of(cls, texts: Sequence[str]) -> "Words":
        """The words of texts, in their order."""
        vocabulary: dict[str, int] = {}
        numbers, lengths = array("q"), array("q")
        for text in texts:
            words = words_of(text)
            numbers.extend(vocabulary.setdefault(word, len(vocabulary)) for word in words)
            lengths.append(len(words))
        return cls(vocabulary, np.array(numbers, np.int64), np.array(lengths, np.int64))


def words_of(text: str) -> list[str]:
    """The words of a text in order, repeated ones too.

    >>> words_of("Which rivers flow through three countries?")
    ['river', 'flow', 'three', 'country']
    """
    return [word for word in map(_kept, _WORD.findall(text.lower())) if word]


@lru_cache(maxsize=1 << 16)
def _kept(word: str) -> str:
    """The singular of a word, "" for a stop word. The plural goes as in Harman 1991 (How effective is suffixing?)."""
    if word in STOP_WORDS:
        return ""
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("ses", "xes", "zes", "ches", "shes")) and len(word) > 4:
        return word[:-2]
    if word.endswith("s") and not word.endswith(("ss", "us")) and len(word) > 3:
        return word[:-1]
    return word
