"""The blank English pipeline that texts are read with: spaCy's tokenizer, for any length and any composition."""

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from spacy.language import Language

_MARK = r"[\u0300-\u036f]"
_FULL_STOPS = (rf"(?<=\w\w{_MARK})\.", rf"(?<=\w\w{_MARK}{_MARK})\.")
"""A full stop after a decomposed letter, which spaCy's suffixes do not take for a letter; not that of an initial."""


def blank_english() -> "Language":
    """A pipeline without components. Its texts have no greatest length: spaCy's guards the memory of a parser."""
    import spacy

    nlp = spacy.blank("en")
    nlp.max_length = sys.maxsize
    nlp.tokenizer.suffix_search = spacy.util.compile_suffix_regex([*nlp.Defaults.suffixes, *_FULL_STOPS]).search
    return nlp
