"""One IRI for one resource, and which IRIs are none.

DBpedia writes the title of a page as an IRI, and its releases differ in what they percent-encode; so in its resource
namespaces every character that may stand in an IRI (RFC 3987) is decoded, in Unicode's form C, and what may not stand
there, with `%`, `#`, `[` and `]`, is encoded in upper case; a space is an underscore, as in a title. So two of its IRIs
become one only where they name one page. Elsewhere two IRIs that differ in any character are two resources (RDF 1.1
Concepts, section 3.2), be they equal after the syntax-based normalisation of RFC 3986, so they stay as they are.
"""

import re
import unicodedata
from collections.abc import Callable

import polars as pl
import pyoxigraph as ox

DBPEDIA = r"^<https?://(?:[a-z-]+\.)?dbpedia\.org/resource/"

_PATH = "[A-Za-z0-9/._~!$&'()*+,;=:@-]*"
_ASCII = rf"^<https?://[A-Za-z0-9.-]+/{_PATH}(?:#{_PATH})?>$"
"""Most IRIs: valid, and in the one form, on any host."""
_WIDE = r"\x{A0}-\x{200D}\x{2010}-\x{2029}\x{202F}-\x{D7FF}"
_SURE = rf"^<https?://[A-Za-z0-9.-]+/[A-Za-z0-9/._~!$&'()*+,;=:@{_WIDE}-]*(?:#{_PATH})?>$"
_VALID = (
    rf"^<https?://[A-Za-z0-9.-]+/(?:[A-Za-z0-9/?._~!$&'()*+,;=:@{_WIDE}-]|%[0-9A-Fa-f]{{2}})*"
    r"(?:#(?:[A-Za-z0-9/._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})*)?>$"
)
_RUN = re.compile(r"(?:%[0-9A-Fa-f]{2})+")
_FINE = re.compile("[A-Za-z0-9/?._~!$&'()*+,;=:@\u00a0-\u200d\u2010-\u2029\u202f-\ud7ff-]*")
_SPACE = re.compile(" |%20")
_PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~!$&'()*+,;=:@/?")
_BLANK = r"^_:[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_-])?$"
_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8}))")


def normal_iris(terms: pl.Series) -> pl.DataFrame:
    """The distinct IRI and blank node terms as columns `term`, `new` and `valid`."""
    sure = terms.str.contains(_ASCII)
    if sure.all():
        return pl.DataFrame({"term": terms, "new": terms, "valid": sure})
    new, valid = _normal(terms.filter(~sure))
    at = (~sure).arg_true()
    return pl.DataFrame(
        {"term": terms, "new": terms.clone().scatter(at, new), "valid": sure.clone().scatter(at, valid)}
    )


def _normal(terms: pl.Series) -> tuple[pl.Series, pl.Series]:
    """(the one form, whether it is valid) of each term."""
    new = _replace(terms, terms.str.contains("\\", literal=True), _unescape)
    dbpedia = new.str.contains(DBPEDIA)
    plain = new.str.contains(_SURE)
    new = pl.select(pl.when(dbpedia & plain).then(new.str.normalize("NFC")).otherwise(new)).to_series()
    new = _replace(new, dbpedia & ~plain, decode)
    valid = new.str.contains(_VALID) | new.str.contains(_BLANK)
    doubtful = new.filter(~valid)
    checked = pl.Series([is_valid(term) for term in doubtful], dtype=pl.Boolean)
    return new, valid.clone().scatter((~valid).arg_true(), checked)


def decode(term: str) -> str:
    """A DBpedia IRI term, decoded as far as an IRI may be.

    >>> decode("<http://dbpedia.org/resource/Ir%C3%A8ne_%22AT%26T%22_100%>")
    '<http://dbpedia.org/resource/Irène_%22AT&T%22_100%25>'
    """
    return f"<{'#'.join(_decode(part) for part in _SPACE.sub('_', term[1:-1]).split('#'))}>"


def is_valid(term: str) -> bool:
    """Whether Oxigraph takes an IRI or blank node term."""
    try:
        if term.startswith("_:"):
            ox.BlankNode(term[2:])
        elif term.startswith("<") and term.endswith(">"):
            ox.NamedNode(term[1:-1])
        else:
            return False
    except ValueError:
        return False
    return True


def _decode(text: str) -> str:
    plain = _RUN.sub(lambda run: bytes.fromhex(run[0].replace("%", "")).decode("utf-8", "surrogateescape"), text)
    plain = unicodedata.normalize("NFC", plain)
    if _FINE.fullmatch(plain):
        return plain
    pieces: list[str] = []
    for char in plain:
        escaped = bool(pieces) and len(pieces[-1]) > 1
        # a combining mark would join the last digit of an escape
        stands = _may_stand(char) and not (escaped and unicodedata.combining(char))
        pieces.append(char if stands else _encode(char))
    return "".join(pieces)


def _encode(char: str) -> str:
    return "".join(f"%{byte:02X}" for byte in char.encode("utf-8", "surrogateescape"))


def _may_stand(char: str) -> bool:
    """Whether a character may stand in a path or query by RFC 3987; bidirectional formatting characters may not."""
    code = ord(char)
    if code < 0x80:
        return char in _PLAIN
    if code in (0x200E, 0x200F) or 0x202A <= code <= 0x202E:
        return False
    if code < 0x10000:
        return 0xA0 <= code <= 0xD7FF or 0xF900 <= code <= 0xFDCF or 0xFDF0 <= code <= 0xFFEF
    return code < 0xE0000 + 0x10000 and code & 0xFFFF < 0xFFFE and not 0xE0000 <= code < 0xE1000


def _unescape(term: str) -> str:
    try:
        text = _ESCAPE.sub(lambda match: chr(int(match.group(1) or match.group(2), 16)), term)
        text.encode()
    except ValueError:
        return term
    return text


def _replace(series: pl.Series, where: pl.Series, function: Callable[[str], str]) -> pl.Series:
    if not where.any():
        return series
    values = pl.Series([function(term) for term in series.filter(where)], dtype=pl.String)
    return series.clone().scatter(where.arg_true(), values)
