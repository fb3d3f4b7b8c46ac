"""Finds the spans of a text that may name an entity of the graph: the longest token n-grams that the aliases know.

Running text is read with regard to case: a name starts with an upper-case letter or a digit, as do its longer words,
unless the graph itself writes the name with lower-case words. A question may be typed in lower case.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kg.linking.aliases import COMMON, LOWER_CASE, Aliases
from kg.linking.surfaces import POSSESSIVE, fold, join_folded
from kg.linking.words import DATE_WORDS, OPENERS, STOP_WORDS

if TYPE_CHECKING:
    from spacy.tokens import Doc

MAX_TOKENS = 12
_NUMBER = re.compile(r"[\d.,:/–-]+(s|st|nd|rd|th)?")
_INITIAL = re.compile(r"\w\.")
_PARTICLES = frozenset(("van", "von", "de", "der", "den", "del", "della", "di", "da", "dos", "la", "le", "bin", "ibn"))
"""Lower-case words inside personal names."""

_POSSESSIVES = frozenset(("'s", "’s"))
_ENDINGS = _POSSESSIVES | {"'", "’"}


@dataclass(frozen=True)
class Span:
    """Tokens `first` to `last` (exclusive) of a document, its characters `start` to `end` (exclusive), and the row of
    `Aliases` that they match."""

    first: int
    last: int
    start: int
    end: int
    row: int


def find_spans(docs: Sequence["Doc"], aliases: Aliases, *, question: bool = False) -> list[list[Span]]:
    """For each document with sentences its spans in text order, none overlapping: longer ones win, then earlier ones.

    question: lower-case names are allowed.
    """
    keys: list[str] = []
    places: list[tuple[int, int, int]] = []
    for number, doc in enumerate(docs):
        for first, last, key in _ngrams(doc):
            keys.append(key)
            places.append((number, first, last))
    distinct = list(dict.fromkeys(keys))
    row_of = dict(zip(distinct, aliases.rows(distinct).tolist(), strict=True))
    found: list[list[tuple[int, int, int]]] = [[] for _ in docs]
    for (number, first, last), key in zip(places, keys, strict=True):
        if (row := row_of[key]) >= 0:
            found[number].append((first, last, row))
    return [_choose(doc, spans, aliases, question) for doc, spans in zip(docs, found, strict=True)]


def _ngrams(doc: "Doc") -> list[tuple[int, int, str]]:
    """(first, last, normalised surface) of each n-gram that starts and ends with a word.

    One that ends with the possessive of its last word is a name only as a whole, like "McDonald's".
    """
    folded = [fold(token.text) + (" " if token.whitespace_ else "") for token in doc]
    words = [token.text for token in doc]
    is_edge = [bool(text.strip()) and word not in _ENDINGS for text, word in zip(folded, words, strict=True)]
    ngrams = []
    for first in range(len(doc)):
        if not is_edge[first]:
            continue
        for last in range(first + 1, min(first + MAX_TOKENS, len(doc)) + 1):
            if last - 1 > first and doc[last - 1].is_sent_start:
                break
            if is_edge[last - 1]:
                ngrams.append((first, last, join_folded("".join(folded[first:last]))))
            elif words[last - 1] in _POSSESSIVES and is_edge[last - 2]:
                ngrams.append((first, last, join_folded("".join(folded[first : last - 1])) + POSSESSIVE))
    return ngrams


def _choose(doc: "Doc", spans: list[tuple[int, int, int]], aliases: Aliases, question: bool) -> list[Span]:
    cased = _is_cased(doc)
    chosen = _longest(doc, [span for span in spans if _may_name(doc, span, aliases, question, cased)])
    longer = {place for first, last, _ in chosen if last - first > 1 for place in range(first, last)}
    whole = [span for span in chosen if not _is_fragment(doc, span, longer)] if cased else chosen
    if question and not whole:
        whole = chosen or _longest(doc, [] if cased else [x for x in spans if not _only_stop_words(doc, x[0], x[1])])
    text = doc.text
    return sorted((_span(doc, text, first, last, row) for first, last, row in whole), key=lambda span: span.start)


def _longest(doc: "Doc", spans: list[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """Spans that do not overlap, chosen by length, then from the left."""
    taken = bytearray(len(doc))
    chosen = []
    for first, last, row in sorted(spans, key=lambda span: (span[0] - span[1], span[0])):
        if not any(taken[first:last]):
            taken[first:last] = b"\1" * (last - first)
            chosen.append((first, last, row))
    return chosen


def _is_fragment(doc: "Doc", span: tuple[int, int, int], longer: set[int]) -> bool:
    """Whether a single word is a part of a longer capitalised name that the graph does not have.

    longer: the places of the words of chosen names of several words.
    """
    first, last, _ = span
    if last - first > 1 + (doc[last - 1].text in _POSSESSIVES):
        return False
    before = first > 0 and bool(doc[first - 1].whitespace_) and not doc[first].is_sent_start
    after = last < len(doc) and bool(doc[first].whitespace_) and not doc[last].is_sent_start
    return (before and first - 1 not in longer and _is_name_part(doc, first - 1)) or (
        after and last not in longer and _is_name_part(doc, last)
    )


def _is_name_part(doc: "Doc", place: int) -> bool:
    token = doc[place]
    if token.is_sent_start and (token.lower_ in OPENERS or token.text.endswith("ly")):
        return False
    return token.text in _PARTICLES or (token.text[:1].isupper() and token.lower_ not in STOP_WORDS)


def _may_name(doc: "Doc", span: tuple[int, int, int], aliases: Aliases, question: bool, cased: bool) -> bool:
    first, last, row = span
    words = [token for token in doc[first:last] if token.text[:1].isalnum()]
    content = [token for token in words if token.lower_ not in STOP_WORDS]
    is_common = bool(aliases.flags[row] & COMMON)
    starts_sentence = bool(doc[first].is_sent_start)
    if not content:
        capitalised = all(word.text[:1].isupper() for word in words)
        return not question and len(words) > 1 and not starts_sentence and capitalised
    if all(_NUMBER.fullmatch(word.text) or word.lower_ in DATE_WORDS for word in content):
        return question and len(words) == 1 and len(words[0].text) == 4
    if len(words) == 1 and len(words[0].text.rstrip(".")) == 1:
        return False
    lower = [word for word in content if word.text[:1].islower() and (len(words) == 1 or len(word.text) > 3)]
    if question:
        if is_common:
            return not lower and not (starts_sentence and len(content) == 1)
        return not (lower and cased and len(content) == 1)
    if is_common and starts_sentence and (len(content) == 1 or lower):
        return False
    if not lower:
        return not doc[first].text[:1].islower()
    return bool(aliases.flags[row] & LOWER_CASE) and len(content) > 1 and not is_common


def _is_cased(doc: "Doc") -> bool:
    """Whether case tells names from words: some word after the first is capitalised, but not most of them."""
    words = [token.text for token in doc[1:] if token.is_alpha and token.text != "I"]
    capitalised = sum(word[:1].isupper() for word in words)
    return capitalised > 0 and (capitalised < 0.75 * len(words) or len(words) < 4)


def _only_stop_words(doc: "Doc", first: int, last: int) -> bool:
    return all(token.lower_ in STOP_WORDS or not token.text[:1].isalnum() for token in doc[first:last])


def _span(doc: "Doc", text: str, first: int, last: int, row: int) -> Span:
    """The span in characters: with the bracket that it opens, without the full stop that ends the sentence."""
    start, end = doc[first].idx, doc[last - 1].idx + len(doc[last - 1].text)
    if text.count("(", start, end) > text.count(")", start, end) and text[end : end + 1] == ")":
        return Span(first, last + 1, start, end + 1, row)
    ends_sentence = last == len(doc) or bool(doc[last].is_sent_start)
    if ends_sentence and _INITIAL.fullmatch(doc[last - 1].text) and last - first > 1:
        end -= 1
    return Span(first, last, start, end, row)
