"""Which words of names the words of a question may stand for, and how much each says that a name is meant."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kg.linking.names import Names
from kg.linking.question import Word

STOP, PLAIN = 0.1, 0.4
"""Shares of their weight that stop words, and everyday words in lower case, have as evidence of a name."""
_ROMAN = "i ii iii iv v vi vii viii ix x xi xii"
ROMAN = {str(number): text for number, text in enumerate(_ROMAN.split(), 1)}
"""Numbers that a name may have in Roman letters."""


@dataclass(frozen=True)
class Matches:
    """By column, in order of `word`: number of the name's word, place of the question's word, edits between the two.

    weight: float, by word of the question, its own weight times `share`, which says how much of a weight counts there:
    `STOP`, `PLAIN` or 1.
    """

    word: NDArray[np.int64]
    place: NDArray[np.int64]
    edits: NDArray[np.int64]
    weight: NDArray[np.float64]
    share: NDArray[np.float64]


def match_words(words: list[Word], names: Names) -> Matches:
    """The matches of each word: with itself, and with words that it may be a slip for unless it is an everyday one."""
    found = _found(words, names)
    exact = {key: number for key, own in found.items() for number, edits in own if not edits}
    common = {key for key, number in exact.items() if names.common[number]}
    share = [
        STOP if words[place].stop else PLAIN if _is_plain(words, place, common) else 1.0 for place in range(len(words))
    ]
    table = [
        (number, place, edits)
        for place, word in enumerate(words)
        for number, edits in found[word.key]
        if not edits or share[place] == 1.0
    ]
    columns = np.array(sorted(table), np.int64).reshape(-1, 3)
    weight = [float(names.weight[exact[word.key]]) if word.key in exact else 1.0 for word in words]
    return Matches(columns[:, 0], columns[:, 1], columns[:, 2], np.array(weight) * np.array(share), np.array(share))


def is_name_part(words: list[Word], place: int) -> bool:
    """Whether there is a word that its capital shows to be of a name: not the first word, nor a stop word."""
    return 0 < place < len(words) and words[place].capital and not words[place].stop


def _found(words: list[Word], names: Names) -> dict[str, list[tuple[int, int]]]:
    """By key of the words the numbers of similar words, with the edits; a Roman number is one edit from an Arabic."""
    keys = list(dict.fromkeys(word.key for word in words))
    roman = {key: ROMAN[key] for key in keys if key in ROMAN}
    similar = names.similar([*keys, *roman.values()])
    found = dict(zip(keys, similar, strict=False))
    for key, own in zip(roman, similar[len(keys) :], strict=True):
        found[key] = found[key] + [(number, 1) for number, edits in own if not edits]
    return found


def _is_plain(words: list[Word], place: int, common: set[str]) -> bool:
    """Whether a word is an everyday one in lower case, beside no name."""
    if words[place].capital or words[place].key not in common:
        return False
    return not (is_name_part(words, place - 1) or is_name_part(words, place + 1))
