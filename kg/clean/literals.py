"""One term for one literal value.

White space around a literal is stripped, xsd:string is left out, language tags are lower case, escapes are those of
canonical N-Triples, and a value of an XML Schema type takes the form that Oxigraph keeps (`"05"^^xsd:integer` is
`"5"^^xsd:integer`; xsd:nonNegativeInteger and its kin become xsd:integer, whose bounds alone Oxigraph knows, so
`"-5"^^xsd:nonNegativeInteger` is `"-5"^^xsd:integer`). A text that Oxigraph cannot read as its type stays.
"""

import io

import polars as pl
import pyoxigraph as ox

from kg.terms import PREFIXES, literal_term, parse_literal

_PARTS = (
    r'(?s)^"(?P<body>(?:[^"\\]|\\(?:[tbnrf"\'\\]|u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}))*)"'
    r"(?:@(?P<language>[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*)|\^\^<(?P<datatype>[^>]*)>)?$"
)
_ODD = r"[\\\x00-\x1f\x7f\x{FFFE}\x{FFFF}]"
_LANG_STRING = PREFIXES["rdf"] + "langString"


def normal_literals(terms: pl.Series, languages: tuple[str, ...]) -> pl.DataFrame:
    """The distinct literal terms as columns `term`, `new` and `reason` (to drop it; null: keep)."""
    parts = terms.str.extract_groups(_PARTS).struct.unnest()
    body = parts["body"].str.strip_chars()
    tag = parts["language"].str.to_lowercase()
    datatype = parts["datatype"].replace({PREFIXES["xsd"] + "string": None})
    suffix = pl.select(
        pl.when(tag.is_not_null())
        .then(pl.lit("@") + tag)
        .when(datatype.is_not_null())
        .then(pl.lit("^^<") + datatype + pl.lit(">"))
        .otherwise(pl.lit(""))
    ).to_series()
    new = '"' + body + '"' + suffix
    odd = (body.str.contains(_ODD)).fill_null(False)
    if odd.any():
        new = new.clone().scatter(
            odd.arg_true(), pl.Series([_canonical(t) for t in terms.filter(odd)], dtype=pl.String)
        )
    refused = [name for name in datatype.drop_nulls().unique() if not _is_datatype(name)]
    reason = pl.select(
        pl.when(new.is_null() | datatype.is_in(refused).fill_null(False))
        .then(pl.lit("invalid term"))
        .when(new.str.starts_with('""'))
        .then(pl.lit("empty literal"))
        .when(tag.is_not_null() & ~tag.str.extract("^([a-z]+)").is_in(languages))
        .then(pl.lit("other language"))
    ).to_series()
    typed = datatype.str.starts_with(PREFIXES["xsd"]).fill_null(False) & reason.is_null()
    if typed.any():
        new = new.clone().scatter(typed.arg_true(), stored_form(new.filter(typed)))
    return pl.DataFrame({"term": terms, "new": new.fill_null(terms), "reason": reason})


def stored_form(terms: pl.Series) -> pl.Series:
    """The terms, all valid, as an Oxigraph store gives them back."""
    if not len(terms):
        return terms
    store = ox.Store()
    subjects = pl.Series([f"<x:{position}>" for position in range(len(terms))], dtype=pl.String)
    data = "".join((subjects + " <x:p> " + terms + " .\n").to_list()).encode()
    store.bulk_load(data, format=ox.RdfFormat.N_TRIPLES)
    with io.BytesIO() as output:
        store.dump(output, format=ox.RdfFormat.N_TRIPLES, from_graph=ox.DefaultGraph())
        lines = pl.Series(output.getvalue().decode().removesuffix("\n").split("\n"), dtype=pl.String)
    return (
        pl.DataFrame({"line": lines})
        .select(
            position=pl.col("line").str.extract("^<x:([0-9]+)>").cast(pl.Int64),
            term=pl.col("line").str.extract(r"(?s)^<x:[0-9]+> <x:p> (.*) \.$"),
        )
        .sort("position")["term"]
    )


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
