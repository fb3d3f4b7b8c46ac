"""Sentences by rule: a full stop ends one unless it belongs to an abbreviation or an initial."""

import re
from typing import TYPE_CHECKING

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


def mark_sentences(doc: "Doc") -> "Doc":
    """The document with `is_sent_start` set on every token."""
    for token in doc:
        token.is_sent_start = token.i == 0 or _starts(doc, token.i)
    return doc


def _starts(doc: "Doc", place: int) -> bool:
    token, last = doc[place], place - 1
    if "\n" in doc[last].text:
        return True
    while last > 0 and doc[last].text in _CLOSERS and not doc[last - 1].whitespace_:
        last -= 1
    text = doc[last].text
    if token.text in _CLOSERS or not (token.text[:1].isupper() or token.text[:1].isdigit() or token.text in "\"'“‘(["):
        return False
    if text not in _ENDS and not text.endswith("."):
        return False
    if not doc[place - 1].whitespace_:
        return False
    word = text if len(text) > 1 else doc[last - 1].text if last > 0 and not doc[last - 1].whitespace_ else ""
    if not text.endswith("."):
        return True
    word = word.rstrip(".").lower()
    if word in _TITLES:
        return False
    if text in _ENDS and not _INITIAL.fullmatch(word):
        return True
    return token.lower_ in STOP_WORDS and token.text[:1].isupper()
