"""The words of a question, with the places of their characters, and the n-grams of them that may be a name.

A question is short and may be typed in any case, so it is read by one expression instead of spaCy's tokenizer: that
alone took longer than all the rest of finding its names.
"""

import re
from dataclasses import dataclass

from kg.linking.surfaces import APOSTROPHES, POSSESSIVE, fold, join_folded, without_surrogates
from kg.linking.words import STOP_WORDS

MAX_WORDS = 12
"""Most words of an n-gram."""
MOST_WORDS = 128
"""Words of a question that are read: what is longer is no question."""

_WORD = re.compile(
    rf"(?:[^\W\d_]\.)+[^\W\d_](?![^\W_])\.?|(?:[^\W_]|[\u0300-\u036f+#$]|(?<=\w)[{APOSTROPHES}](?=\w))+|&"
)
_ENDS_POSSESSIVE = re.compile("['’]s$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Word:
    """Characters `start` to `end` (exclusive) of a question, without a possessive's end. key: its normal form; whole:
    that with the possessive's end; the same for other words. capital: it starts in upper case or with a digit. stop: it
    names nothing by itself."""

    start: int
    end: int
    key: str
    whole: str
    capital: bool
    stop: bool


def read_words(question: str) -> list[Word]:
    """The words in order.

    >>> [(word.key, word.whole) for word in read_words("What's McDonald's 1st U.S. Café-Bar?")]
    [('what', 'whats'), ('mcdonald', 'mcdonalds'), ('1st', '1st'), ('us', 'us'), ('cafe', 'cafe'), ('bar', 'bar')]
    """
    words = []
    shouts = question.isupper()
    for match in _WORD.finditer(without_surrogates(question)):
        text, end = match.group(), match.end()
        whole = join_folded(fold(text))
        stem = text[:-2] if _ENDS_POSSESSIVE.search(text) else text
        if key := join_folded(fold(stem)):
            stop = key in STOP_WORDS and (shouts or len(text) == 1 or not text.isupper())
            words.append(Word(match.start(), end - len(text) + len(stem), key, whole, not text[:1].islower(), stop))
        if len(words) == MOST_WORDS:
            break
    return words


def ngrams(words: list[Word]) -> tuple[list[tuple[int, int]], list[str]]:
    """The (first, last) words, last exclusive, of the n-grams that are not only stop words, and their surfaces.

    One that ends in a possessive comes twice: without that end, and as a name of its own like "McDonald's".

    >>> ngrams(read_words("the J. Wood's son"))[1][:7]
    ['the j', 'the j wood', "the j wood's", 'the j woods son', 'j', 'j wood', "j wood's"]
    """
    places, surfaces = [], []
    for first in range(len(words)):
        before = ""
        named = initials = False
        for last in range(first + 1, min(first + MAX_WORDS, len(words)) + 1):
            word = words[last - 1]
            named = named or not word.stop or (word.capital and last > 1)
            initials = initials or len(word.key) == 1
            if named:
                surface = before + word.key
                if initials:
                    surface = join_folded(surface)
                places.append((first, last))
                surfaces.append(surface)
                if word.whole != word.key:
                    places.append((first, last))
                    surfaces.append(surface + POSSESSIVE)
            before += word.whole + " "
    return places, surfaces
