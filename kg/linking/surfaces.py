"""Surfaces: the normal form under which a name in a text and a name in the graph are the same."""

import hashlib
import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

POSSESSIVE = "'s"
"""Ends the second normal form of a name like "McDonald's"; no first one has an apostrophe."""

APOSTROPHES = "'’‘`´ʻʼ"
"""Characters that a normal form leaves out."""

_POSSESSIVE = re.compile(r"(?<=\w)['’]s$")
_SURROGATE = re.compile("[\ud800-\udfff]")
_INITIALS = re.compile(r"\b([^\W\d_]) (?=[^\W\d_]\b)")
_LETTERS = {"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ð": "d", "ł": "l", "ı": "i", "þ": "th", "&": " and "}
_KEPT = "+#$"


class _Folding(dict[int, str]):
    """Maps a character to what stands for it: punctuation to a space, apostrophes and accents to nothing."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        if char in _LETTERS:
            folded = _LETTERS[char]
        elif char in APOSTROPHES or 0x300 <= code <= 0x36F:
            folded = ""
        elif unicodedata.category(char)[0] in "PSZC" and char not in _KEPT:
            folded = " "
        else:
            folded = char
        self[code] = folded
        return folded


_FOLDING = _Folding()


def normalise_surface(text: str) -> str:
    """The normal form of a name; never empty unless the name is blank. What it does is done once: it is idempotent.

    >>> normalise_surface("J. R. R. Tolkien's"), normalise_surface("São Paulo–Congonhas"), normalise_surface("U.S.")
    ('jrr tolkien', 'sao paulo congonhas', 'us')
    """
    return join_folded(fold(_POSSESSIVE.sub("", text.strip()))) or " ".join(text.casefold().split())


def name_surfaces(text: str) -> list[str]:
    """The normal forms under which a text may have a name: `normalise_surface`, and of a possessive also with its end.

    >>> name_surfaces("McDonald's"), name_surfaces("Paris")
    (['mcdonald', "mcdonald's"], ['paris'])
    """
    text, surface = text.strip(), normalise_surface(text)
    return [surface, surface + POSSESSIVE] if _POSSESSIVE.search(text) else [surface]


def without_surrogates(text: str) -> str:
    """The text with U+FFFD for each lone surrogate, which no encoding takes; every character keeps its place.

    >>> without_surrogates("a\\ud800b")
    'a�b'
    """
    return _SURROGATE.sub("\ufffd", text)


@lru_cache(maxsize=65536)
def fold(text: str) -> str:
    """The text in lower case, without accents, with spaces for punctuation; pieces may be folded one by one."""
    if not text.isascii():
        text = unicodedata.normalize("NFKD", text)
    text = text.casefold().translate(_FOLDING)
    return text if text.isascii() else unicodedata.normalize("NFKC", text)


def join_folded(text: str) -> str:
    """Folded text with single spaces, and with initials written together."""
    return _INITIALS.sub(r"\1", " ".join(text.split()))


def hash_surfaces(surfaces: Iterable[str]) -> NDArray[np.uint64]:
    """One 64-bit BLAKE2b hash for each normalised surface, the same on every machine."""
    encoded = (surface.encode("utf-8", "surrogatepass") for surface in surfaces)
    data = b"".join(hashlib.blake2b(surface, digest_size=8).digest() for surface in encoded)
    return np.frombuffer(data, dtype="<u8").astype(np.uint64, copy=False)
