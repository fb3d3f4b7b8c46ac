"""One term for one literal value.

White space around a literal is stripped, xsd:string is left out, language tags are lower case, escapes are those of
canonical N-Triples. The text itself stays: entities, mark-up and Unicode form are what the source said. Beyond that,

- a value of an XML Schema type takes the form that Oxigraph keeps, so that both views agree (`"05"^^xsd:integer` is
  `"5"^^xsd:integer`; xsd:nonNegativeInteger and its kin become xsd:integer, whose bounds alone Oxigraph knows, so
  `"-5"^^xsd:nonNegativeInteger` is `"-5"^^xsd:integer`). Numbers beyond its range, such as integers of 64 bits and
  more, stay digit by digit;
- a number in one of DBpedia's datatypes (`http://dbpedia.org/datatype/kilometre`) is written as that decimal, exactly:
  `"+05.00"` and `"5.0"` are `"5"`, `"1.2E7"` is `"12000000"`. The unit stays: dbo:height in metres and
  dbo:Person/height in centimetres are two predicates, and a converted number would be nobody's statement.

A text that cannot be read as its type (`"1999-02-30"^^xsd:date`) stays as it is, for RDF allows it, and what was meant
is anyone's guess; `ill_typed` finds it.

Most terms are in this form already: one expression recognises them, for a whole column at once.
"""

import re
from decimal import Decimal

import polars as pl
import pyoxigraph as ox

from kg.terms import PREFIXES, literal_term, parse_literal

XSD = PREFIXES["xsd"]
UNITS = "http://dbpedia.org/datatype/"
_BATCH = 50_000

_END = r'(?:[^"\\\s\x00-\x1f\x7f\x{FFFE}\x{FFFF}]|\\["\\])'
_MIDDLE = r'(?:[^"\\\x00-\x1f\x7f\x{FFFE}\x{FFFF}]|\\[tbnrf"\\])*'
_TEXT = rf'{_END}(?:{_MIDDLE}{_END})?"(?:@[a-z]{{1,8}}(?:-[a-z0-9]{{1,8}})*)?'
_SAME = {
    "integer": r"-?[1-9][0-9]{0,17}|0",
    "decimal": r"-?(?:[1-9][0-9]{0,14}(?:\.[0-9]{0,14}[1-9])?|0\.[0-9]{0,14}[1-9])|0",
    "double": r"-?(?:[1-9][0-9]{0,14}|[1-9][0-9]{0,6}\.[0-9]{0,6}[1-9]|0\.[0-9]{0,13}[1-9])|0",
    "float": r"-?(?:[1-9][0-9]{0,5}|[1-9][0-9]{0,2}\.[0-9]{0,2}[1-9]|[1-9]?[0-9]\.[0-9]{0,3}[1-9])|0",
    "boolean": "true|false",
    "date": "[0-9]{4}-[0-9]{2}-[0-9]{2}",
    "dateTime": r"[0-9]{4}-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3]):[0-9]{2}:[0-9]{2}(?:\.[0-9]{0,5}[1-9])?Z?",
    "time": "(?:[01][0-9]|2[0-3]):[0-9]{2}:[0-9]{2}Z?",
    "gYear": "[0-9]{4}",
    "gYearMonth": "[0-9]{4}-[0-9]{2}",
    "gMonthDay": "--[0-9]{2}-[0-9]{2}",
    "gMonth": "--[0-9]{2}",
    "gDay": "---[0-9]{2}",
}
"""Texts that Oxigraph keeps as they are: 15 digits of a double and 6 of a float say it exactly (IEEE 754)."""
_KEPT = "|".join(rf'(?:{text})"\^\^<{XSD}{name}>' for name, text in _SAME.items())
_MONTH, _DAY = "(?:0[1-9]|1[0-2])", "(?:0[1-9]|1[0-9]|2[0-8])"
_DATE = f"{_MONTH}-{_DAY}|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31"
_READABLE = _SAME | {
    "date": f"[0-9]{{4}}-(?:{_DATE})",
    "dateTime": f"[0-9]{{4}}-(?:{_DATE})T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\\.[0-9]{{1,6}})?Z?",
    "time": "(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z?",
    "gYearMonth": f"[0-9]{{4}}-{_MONTH}",
    "gMonthDay": f"--(?:{_DATE}|02-29)",
    "gMonth": f"--{_MONTH}",
    "gDay": f"---{_DAY}",
}
"""Texts that are surely of their type; Oxigraph reads all but --02-29."""
_SOUND = "|".join(rf'(?:{text})"\^\^<{XSD}{name}>' for name, text in _READABLE.items())
_NUMBER = rf'(?:-?(?:[1-9][0-9]*(?:\.[0-9]*[1-9])?|0\.[0-9]*[1-9])|0)"\^\^<{UNITS}[A-Za-z0-9]+>'
_STORED = rf'^"(?:{_KEPT})$'
_CANONICAL = rf'^"(?:{_TEXT}|{_KEPT}|{_NUMBER})$'

_INTEGERS = (
    *("integer", "long", "int", "short", "byte", "unsignedLong", "unsignedInt", "unsignedShort", "unsignedByte"),
    *("positiveInteger", "negativeInteger", "nonPositiveInteger", "nonNegativeInteger"),
)
_READ_AS = {
    **{name: name for name in (*_SAME, "duration", "dayTimeDuration", "yearMonthDuration")},
    **dict.fromkeys(_INTEGERS, "integer"),
    "dateTimeStamp": "dateTime",
}
"""Which of Oxigraph's readers a datatype has."""
_SHORTER = {
    rf'"\^\^<{XSD}string>$': '"',
    rf'^"\+?0{{0,9}}(0|[1-9][0-9]{{0,17}})"\^\^<{XSD}(?:{"|".join(_INTEGERS)})>$': rf'"$1"^^<{XSD}integer>',
    rf'^"\+?(-?[0-9]{{1,9}})\.0{{0,9}}"\^\^<{XSD}(double|float|decimal)>$': rf'"$1"^^<{XSD}$2>',
    rf'^"\+?(-?[0-9]{{1,9}}\.[0-9]{{0,5}}[1-9])0{{1,9}}"\^\^<{XSD}(double|float|decimal)>$': rf'"$1"^^<{XSD}$2>',
    rf'^"\+?([0-9]+)\.0*"\^\^<{UNITS}([A-Za-z0-9]+)>$': rf'"$1"^^<{UNITS}$2>',
}
"""Ways to write a number that Oxigraph, or the rule for units, writes shorter."""
_UNIT = re.compile(rf'"([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{{1,2}})?)"\^\^<({UNITS}[^>]+)>')
_TYPED = rf'(?s)^"(?P<body>.*)"\^\^<{XSD}(?P<name>[A-Za-z]+)>$'
_PARTS = (
    r'(?s)^"(?P<body>(?:[^"\\]|\\(?:[tbnrf"\'\\]|u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}))*)"'
    r"(?:@(?P<language>[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*)|\^\^<(?P<datatype>[^>]*)>)?$"
)
_ODD = r"\\[^tbnrf\"\\]|^\\[tnrf]|\\[tnrf]$|[\x00-\x1f\x7f\x{FFFE}\x{FFFF}]"
_LANG_STRING = PREFIXES["rdf"] + "langString"


def normal_literals(terms: pl.Series, languages: tuple[str, ...]) -> pl.DataFrame:
    """The distinct literal terms as columns `term`, `new` and `reason` (to drop it; null: keep).

    languages: the ranges of tags to keep: "en" keeps en and en-GB, "*" all; what has no tag is kept.
    """
    doubtful = ~terms.str.contains(_CANONICAL)
    new, reason = terms, pl.Series("reason", [None], dtype=pl.String).new_from_index(0, len(terms))
    if doubtful.any():
        made, why = _normal(terms.filter(doubtful))
        new, reason = _put(new, doubtful, made), _put(reason, doubtful, why)
    if "*" not in languages:
        kept = "|".join(languages).lower()
        other = ~(new.str.ends_with('"') | new.str.ends_with(">") | new.str.contains(rf'"@(?:{kept})(?:-[a-z0-9-]+)?$'))
        dropped = pl.when(reason.is_null() & other).then(pl.lit("other language")).otherwise(reason)
        reason = pl.select(dropped).to_series()
    return pl.DataFrame({"term": terms, "new": new, "reason": reason})


def stored_form(terms: pl.Series) -> pl.Series:
    """The terms, all valid, as an Oxigraph store gives them back."""
    doubtful = ~terms.str.contains(_STORED)
    if not doubtful.any():
        return terms
    short = terms.filter(doubtful)
    for pattern, shorter in _SHORTER.items():
        short = short.str.replace(pattern, shorter)
    left = ~short.str.contains(_STORED)
    found = _read(short.filter(left))
    return _put(terms, doubtful, _put(short, left, pl.select(pl.coalesce(found, short.filter(left))).to_series()))


def ill_typed(terms: pl.Series) -> pl.Series:
    """Which of the terms are literals whose text cannot be read as their XML Schema type.

    >>> ill_typed(pl.Series([f'"{day}"^^<{XSD}date>' for day in ("1999-02-28", "1999-02-30")])).to_list()
    [False, True]
    """
    doubtful = terms.str.contains(_TYPED) & ~terms.str.contains(rf'^"(?:{_SOUND})$')
    typed = terms.filter(doubtful)
    known = typed.str.extract(_TYPED, 2).is_in(list(_READ_AS))
    found = (known & _read(typed).is_null()).cast(pl.Boolean)
    return _put(doubtful, doubtful, found)


def _normal(terms: pl.Series) -> tuple[pl.Series, pl.Series]:
    """(the normal form, the reason to drop it or null) of each term."""
    parts = terms.str.extract_groups(_PARTS).struct.unnest()
    body = parts["body"].str.strip_chars()
    tag = parts["language"].str.to_lowercase()
    datatype = parts["datatype"].replace({XSD + "string": None})
    suffix = pl.select(
        pl.when(tag.is_not_null())
        .then(pl.lit("@") + tag)
        .when(datatype.is_not_null())
        .then(pl.lit("^^<") + datatype + pl.lit(">"))
        .otherwise(pl.lit(""))
    ).to_series()
    new = '"' + body + '"' + suffix
    odd = body.str.contains(_ODD).fill_null(False)
    if odd.any():
        new = _put(new, odd, pl.Series([_canonical(term) for term in terms.filter(odd)], dtype=pl.String))
    refused = [name for name in datatype.drop_nulls().unique() if not _is_datatype(name)]
    reason = pl.select(
        pl.when(new.is_null() | datatype.is_in(refused).fill_null(False))
        .then(pl.lit("invalid term"))
        .when(new.str.starts_with('""'))
        .then(pl.lit("empty literal"))
    ).to_series()
    typed = datatype.str.starts_with(XSD).fill_null(False) & reason.is_null()
    if typed.any():
        new = _put(new, typed, stored_form(new.filter(typed)))
    unit = datatype.str.starts_with(UNITS).fill_null(False) & reason.is_null()
    if unit.any():
        new = _put(new, unit, _in_units(new.filter(unit)))
    return pl.select(pl.coalesce(new, terms)).to_series(), reason


def _read(terms: pl.Series) -> pl.Series:
    """What Oxigraph makes of typed terms; null where it knows no such type, or cannot read the text."""
    parts = terms.str.extract_groups(_TYPED).struct.unnest()
    made = pl.Series("new", [None], dtype=pl.String).new_from_index(0, len(terms))
    reader = parts["name"].replace_strict(_READ_AS, default=None, return_dtype=pl.String)
    store = ox.Store()
    for name in reader.drop_nulls().unique().sort():
        mine = (reader == name).fill_null(False)
        found: list[str | None] = []
        for batch in parts["body"].filter(mine).to_frame().iter_slices(_BATCH):
            values = " ".join(f'"{body}"' for body in batch["body"])
            asked = f"SELECT (<{XSD}{name}>(?v) AS ?c) {{ VALUES ?v {{ {values} }} }}"
            answers = store.query(asked)
            found += [str(row[0]) if row[0] is not None else None for row in answers]  # type: ignore[union-attr]
        made = _put(made, mine, pl.Series(found, dtype=pl.String))
    return made


def _in_units(terms: pl.Series) -> pl.Series:
    """Terms of DBpedia's datatypes with their number in one form."""
    for pattern, shorter in _SHORTER.items():
        terms = terms.str.replace(pattern, shorter)
    doubtful = ~terms.str.contains(rf'^"{_NUMBER}$')
    return _put(terms, doubtful, pl.Series([_in_unit(term) for term in terms.filter(doubtful)], dtype=pl.String))


def _in_unit(term: str) -> str:
    match = _UNIT.fullmatch(term)
    if match is None:
        return term
    text = format(Decimal(match[1]), "f")
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return f'"{text.removeprefix("-") if not text.strip("-0") else text}"^^<{match[2]}>'


def _canonical(term: str) -> str | None:
    """The term with its white space stripped and canonical escapes, or None if an escape names no character."""
    try:
        text, language, datatype = parse_literal(term)
        text.encode()
    except ValueError:
        return None
    return literal_term(text.strip(), language=language, datatype=datatype)


def _is_datatype(name: str) -> bool:
    try:
        ox.NamedNode(name)
    except ValueError:
        return False
    return name != _LANG_STRING


def _put(series: pl.Series, where: pl.Series, values: pl.Series) -> pl.Series:
    """The series with `values` at the rows `where`."""
    return series.clone().scatter(where.arg_true(), values)
