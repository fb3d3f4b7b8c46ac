"""An endpoint's rows as N-Triples terms, by columns, from SPARQL 1.1 JSON or from CSV.

CSV says of a term its text alone, so the query asks beside it what the object is (`MARK_OF_OBJECT`): nothing for an IRI
or a blank node, "@" and the language, or the datatype. On Virtuoso 7 that costs the server a quarter of the work that
JSON does. What is no legal term is written so that a parser refuses it.
"""

import re
from collections.abc import Callable

import polars as pl

from kg.errors import EndpointError
from kg.sources.sparql import Binding
from kg.terms import PREFIXES, iri_term, literal_term

TERMS = {"s": pl.String, "p": pl.String, "o": pl.String}
MARK_OF_OBJECT = 'IF(isLiteral(?o), IF(LANG(?o) = "", DATATYPE(?o), CONCAT("@", LANG(?o))), ?none)'

_UNSAFE_IRI = r'[\x00-\x20<>"{}|^`\\]'
_UNSAFE = re.compile(_UNSAFE_IRI)
_UNSAFE_TEXT = r'[\x00-\x1F"\\\x7F\x{FFFE}\x{FFFF}]'
_NOT_LABEL = re.compile(r"[^A-Za-z0-9]")
_BLANK_VALUE = "^_:|^nodeID://"
_ODD_RESOURCE = rf"{_BLANK_VALUE}|{_UNSAFE_IRI}"
_BINDING = pl.Struct({"type": pl.String, "value": pl.String, "xml:lang": pl.String, "datatype": pl.String})
_STABLE = "_:nodeID"


def json_terms(rows: list[Binding], *, o: str, predicate: str | None) -> pl.DataFrame:
    """Columns of TERMS from bindings of s, the variable `o`, and p unless it is given; raises KeyError, TypeError or
    AttributeError for a row that is not SPARQL JSON."""
    fixed = _iri(predicate) if predicate else None
    terms = [(_term(row["s"]), fixed or _term(row["p"]), _term(row[o])) for row in rows]
    return pl.DataFrame(terms, schema=TERMS, orient="row")


def csv_terms(body: bytes, *, mark: str, predicate: str | None) -> pl.DataFrame:
    """Columns of TERMS from CSV with s, p unless it is given, o, and MARK_OF_OBJECT as `mark`.

    Raises ValueError for what is not that. A body that ends within a row lacks the line end, or a closing quote.
    """
    if not body.endswith(b"\n") or body.count(b'"') % 2:
        raise ValueError("it ends within a row")
    expected = ["s", "o", mark] if predicate else ["s", "p", "o", mark]
    try:
        frame = pl.read_csv(body, infer_schema=False)
    except pl.exceptions.PolarsError as error:
        raise ValueError(str(error)) from error
    if frame.columns != expected:
        raise ValueError(f"expected the columns {expected}, got {frame.columns}")
    return _assembled(frame.with_columns(pl.all().fill_null("")).rename({mark: "mark"}), predicate)


def json_columns(body: bytes, *, o: str, predicate: str | None) -> pl.DataFrame | None:
    """What `json_terms` gives for the rows of a body, but by columns; None for what is not plainly SPARQL JSON."""
    names = {"s": "s", "o": o} if predicate else {"s": "s", "p": "p", "o": o}
    answer = pl.Struct(
        {"results": pl.Struct({"bindings": pl.List(pl.Struct(dict.fromkeys(names.values(), _BINDING)))})}
    )
    try:
        found = pl.Series([body.decode()]).str.json_decode(answer).struct.field("results").struct.field("bindings")
    except (UnicodeDecodeError, pl.exceptions.PolarsError):
        return None
    rows = found.explode().struct.unnest()
    columns = {}
    for name, variable in names.items():
        term = rows[variable].struct.unnest()
        iri, blank = term["type"] == "uri", term["type"] == "bnode"
        literal = term["type"].is_in(["literal", "typed-literal"]) if name == "o" else iri & False
        strange = iri & term["value"].str.contains(_BLANK_VALUE)
        if not (term["value"].is_not_null() & (iri | blank | literal) & ~strange).fill_null(False).all():
            return None
        columns[name] = pl.select(
            pl.when(blank).then(pl.concat_str(pl.lit("_:"), term["value"])).otherwise(term["value"])
        ).to_series()
    language, datatype = term["xml:lang"].fill_null(""), term["datatype"].fill_null(PREFIXES["xsd"] + "string")
    mark = pl.select(
        pl.when(~literal)
        .then(pl.lit(""))
        .when(language != "")
        .then(pl.concat_str(pl.lit("@"), language))
        .otherwise(datatype)
    ).to_series()
    return _assembled(pl.DataFrame(columns | {"mark": mark}), predicate)


def _assembled(frame: pl.DataFrame, predicate: str | None) -> pl.DataFrame:
    """Columns of TERMS from the values s, p, o and the mark of the object."""
    p = pl.lit(_iri(predicate)).alias("p") if predicate else _resources(frame["p"])
    kind = frame["mark"]
    resource = kind == ""
    objects = _resources(frame["o"], which=resource) if resource.any() else frame["o"]
    if not resource.all():
        literals = pl.concat_str(pl.lit('"'), _texts(frame["o"]), pl.lit('"'), _suffixes(kind))
        objects = pl.select(pl.when(resource).then(objects).otherwise(literals).alias("o")).to_series()
    return frame.select(_resources(frame["s"]), p, objects)


def has_fleeting(terms: pl.DataFrame) -> bool:
    """Whether there are blank nodes whose labels hold for one answer only: Virtuoso's hold for all (nodeID://…)."""
    return bool(terms.select(pl.any_horizontal(_fleeting("s").any(), _fleeting("o").any())).item())


def scoped(terms: pl.DataFrame, page: int) -> pl.DataFrame:
    """The terms; the number of the page gets into the names of blank nodes whose labels hold for one answer only."""
    if not has_fleeting(terms):
        return terms
    columns = []
    for name in ("s", "o"):
        renamed = pl.concat_str(pl.lit(f"_:p{page}x"), pl.col(name).str.slice(2))
        columns.append(pl.when(_fleeting(name)).then(renamed).otherwise(pl.col(name)).alias(name))
    return terms.with_columns(columns)


def _fleeting(name: str) -> pl.Expr:
    return pl.col(name).str.starts_with("_:") & ~pl.col(name).str.starts_with(_STABLE)


def of_source(blank: str, record: int) -> list[pl.Expr]:
    """Subjects and objects whose blank nodes are told apart from those of other sources, and, unless their labels hold
    for all answers, of other records."""
    expressions = []
    for name in ("s", "o"):
        term, label = pl.col(name), pl.col(name).str.slice(2)
        expressions.append(
            pl.when(term.str.starts_with(_STABLE))
            .then(pl.concat_str(pl.lit(f"_:{blank}"), label))
            .when(term.str.starts_with("_:"))
            .then(pl.concat_str(pl.lit(f"_:{blank}r{record}x"), label))
            .otherwise(term)
            .alias(name)
        )
    return expressions


def iri_ref(iri: str) -> str:
    """An IRI as a SPARQL query writes it; raises EndpointError for one that cannot be written."""
    if not is_safe(iri):
        raise EndpointError(f"{iri!r} is no IRI that a SPARQL query can name. Leave it out, or use a dump.")
    return iri_term(iri)


def is_safe(iri: str) -> bool:
    """Whether a SPARQL query can name the IRI."""
    return _UNSAFE.search(iri) is None


def _resources(values: pl.Series, *, which: pl.Series | None = None) -> pl.Series:
    """IRIs and blank nodes as terms; where not `which`, anything."""
    odd = values.str.contains(_ODD_RESOURCE)
    if which is not None:
        odd &= which
    terms = pl.select(pl.concat_str(pl.lit("<"), values, pl.lit(">"))).to_series().alias(values.name)
    return _by_hand(terms, values, odd, _resource)


def _texts(values: pl.Series) -> pl.Series:
    """Literals' texts, escaped as canonical N-Triples does."""
    odd = values.str.contains(_UNSAFE_TEXT)
    return _by_hand(values, values, odd, lambda text: literal_term(text)[1:-1])


def _suffixes(kinds: pl.Series) -> pl.Series:
    """What stands behind the closing quote for each mark of an object."""
    distinct = kinds.unique()
    suffixes = [
        kind.lower() if kind.startswith("@") else "" if kind in ("", PREFIXES["xsd"] + "string") else f"^^<{kind}>"
        for kind in distinct
    ]
    return kinds.replace_strict(distinct, pl.Series(suffixes, dtype=pl.String))


def _by_hand(terms: pl.Series, values: pl.Series, odd: pl.Series, write: Callable[[str], str]) -> pl.Series:
    """The terms, but `write` of the value where it is `odd`."""
    if not odd.any():
        return terms
    distinct = values.filter(odd).unique()
    written = pl.Series([write(value) for value in distinct], dtype=pl.String)
    return pl.select(
        pl.when(odd).then(values.replace_strict(distinct, written, default=None)).otherwise(terms).alias(terms.name)
    ).to_series()


def _resource(value: str) -> str:
    if value.startswith("_:"):
        return _blank(value[2:])
    return _blank(value) if value.startswith("nodeID://") else _iri(value)


def _term(binding: dict[str, str]) -> str:
    kind, value = binding["type"], binding["value"]
    if kind == "uri":
        return _iri(value)
    if kind == "bnode":
        return _blank(value)
    return literal_term(value, language=binding.get("xml:lang"), datatype=binding.get("datatype"))


def _blank(label: str) -> str:
    return "_:" + _NOT_LABEL.sub(lambda match: f"_{ord(match.group()):x}_", label)


def _iri(value: str) -> str:
    if _UNSAFE.search(value):
        value = _UNSAFE.sub(lambda match: f"\\u{ord(match.group()):04X}", value)
    return iri_term(value)
