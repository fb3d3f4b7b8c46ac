"""Sentences by rule: a full stop ends one unless it belongs to an abbreviation or an initial.

A blank line ends one, and so does a line break before a list item. Any other line break is no more than a space, since
texts are wrapped within sentences and within names.
"""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from kg.linking.words import STOP_WORDS

if TYPE_CHECKING:
    from spacy.tokens import Doc

_ENDS = frozenset(".!?…") | {"...", "?!", "!!", "??"}
_CLOSERS = frozenset("\"'”’)]»") | {"''"}
_ABBREVIATIONS = """
adm al approx bros ca capt cf cmdr col dr ed eds fig fr ft gen gov hon jr lt maj messrs mlle mme mr mrs ms mt no nos
pp pres prof pvt rep rev sen sgt sr sra st ste vol vs
"""
_TITLES = frozenset(_ABBREVIATIONS.split())
_INITIAL = re.compile(r"(\w\.)*\w\.?")
_BULLET = re.compile(r"[-*•‣◦·–—]|\d{1,3}[.)]")


def mark_sentences(doc: "Doc") -> "Doc":
    """The document with `is_sent_start` set on every token."""
    from spacy.attrs import SENT_START

    words, spaced = [token.text for token in doc], [bool(token.whitespace_) for token in doc]
    starts = [place == 0 or _starts(words, spaced, place) for place in range(len(words))]
    if starts:
        # Token's own setter looks through the whole document each time.
        doc.from_array([SENT_START], np.where(starts, 1, -1).astype(np.int64).view(np.uint64))
    return doc


def _starts(words: Sequence[str], spaced: Sequence[bool], place: int) -> bool:
    word, last = words[place], place - 1
    gap = " " * spaced[last]
    while last > 0 and words[last].isspace():
        gap, last = gap + words[last], last - 1
    if gap.count("\n") > 1 or words[last].isspace():
        return True
    is_broken = "\n" in gap
    if is_broken and _BULLET.fullmatch("".join(words[place : place + (1 if spaced[place] else 2)])):
        return True
    while last > 0 and words[last] in _CLOSERS and not spaced[last - 1]:
        last -= 1
    text = words[last]
    opens = is_broken or word[:1].isupper() or word[:1].isdigit() or word in "\"'“‘(["
    if not gap or word in _CLOSERS or not opens or not (text in _ENDS or text.endswith(".")):
        return False
    if not text.endswith("."):
        return True
    before = text if len(text) > 1 else words[last - 1] if last > 0 and not spaced[last - 1] else ""
    before = before.rstrip(".").lower()
    if before in _TITLES:
        return False
    if text in _ENDS and not _INITIAL.fullmatch(before):
        return True
    return word.lower() in STOP_WORDS and word[:1].isupper()
