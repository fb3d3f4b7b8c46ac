"""When two answers are the same value, however they are written.

An IRI is compared percent-decoded and in Unicode's NFC, as DBpedia writes its own. A literal is compared by what it
says: a number by its value, yes and no as true and false, a date by its ISO text (so a year is not the day in it), any
other text without regard to case, outer spaces and Unicode form.
"""

import re
import unicodedata
from decimal import Context, Decimal, InvalidOperation
from urllib.parse import unquote_to_bytes

_IRI = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.-]*://|urn:)\S+\Z")
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,4})?\Z", re.ASCII)
_TRUTHS = {"true": "true", "yes": "true", "false": "false", "no": "false"}


def canonical_value(value: str) -> str:
    """The form of a bare IRI or a literal's text by which values are compared.

    >>> canonical_value("http://dbpedia.org/resource/%C3%8Ele-de-France")
    'http://dbpedia.org/resource/Île-de-France'
    >>> canonical_value("6.0E7"), canonical_value(" Yes "), canonical_value("1912-04-02")
    ('60000000', 'true', '1912-04-02')
    """
    text = unicodedata.normalize("NFC", value.strip())
    if _IRI.match(text):
        return unicodedata.normalize("NFC", _decoded(text)) if "%" in text else text
    if _NUMBER.match(text):
        return _number(text)
    folded = " ".join(text.casefold().split())
    return _TRUTHS.get(folded, folded)


def same_value(one: str, other: str) -> bool:
    """Whether two answers say the same.

    >>> same_value("15.0", "15"), same_value("1912-04-02", "1912")
    (True, False)
    """
    return canonical_value(one) == canonical_value(other)


def _decoded(iri: str) -> str:
    """The IRI percent-decoded; as it is where that gives no text, or no IRI."""
    try:
        decoded = unquote_to_bytes(iri).decode()
    except UnicodeDecodeError:
        return iri
    return decoded if _IRI.match(decoded) else iri


def _number(text: str) -> str:
    try:
        number = Decimal(text).normalize(Context(prec=max(28, len(text))))
    except InvalidOperation:
        return text
    if number == 0:
        return "0"
    return format(number, "f") if abs(number.adjusted()) < 40 else str(number)
