"""Readable names of terms: for a literal its text, for a resource its best label, else a name made from its IRI."""

from urllib.parse import unquote

import numpy as np
import polars as pl
from numpy.typing import NDArray

from kg.terms import RDFS_LABEL, parse_literal

LABELS = (RDFS_LABEL, "<http://www.w3.org/2004/02/skos/core#prefLabel>", "<http://xmlns.com/foaf/0.1/name>")
"""Predicates that state a label, the best first."""


def labels(terms: pl.Series, s: NDArray[np.int32], p: NDArray[np.int32], o: NDArray[np.int32]) -> pl.Series:
    """The readable name of each of the sorted terms: its best label, else one made from it."""
    return readable(terms).gather(best_labels(terms, s, p, o)).alias("label")


def best_labels(
    terms: pl.Series, s: NDArray[np.int32], p: NDArray[np.int32], o: NDArray[np.int32]
) -> NDArray[np.int32]:
    """For each of the sorted terms the position of its best label, or its own where it has none.

    Of several labels an English one comes before one without a language and that before others, then the better
    predicate, then the text that comes first.
    """
    place = np.full(len(terms), len(LABELS), np.uint8)
    for number, name in enumerate(LABELS):
        place[(terms == name).to_numpy()] = number
    rows = np.flatnonzero(place[p] < len(LABELS))
    rows = rows[terms.gather(o[rows]).str.starts_with('"').to_numpy()]
    texts = terms.gather(o[rows])
    language = np.where(texts.str.ends_with('"@en'), 0, np.where(texts.str.ends_with('"'), 1, 2))
    rows = rows[np.lexsort((o[rows], place[p[rows]], language, s[rows]))]
    best = rows[np.flatnonzero(np.diff(s[rows], prepend=-1))]
    chosen = np.arange(len(terms), dtype=np.int32)
    chosen[s[best]] = o[best]
    return chosen


def readable(terms: pl.Series) -> pl.Series:
    """The text of each literal, and the name that `kg.terms.name_of` makes of each IRI."""
    literal = terms.str.starts_with('"')
    escaped = literal & terms.str.contains("\\", literal=True)
    body = terms.str.extract(r'(?s)^"(.*)"')
    if escaped.any():
        values = pl.Series([parse_literal(term)[0] for term in terms.filter(escaped)], dtype=pl.String)
        body = body.clone().scatter(escaped.arg_true(), values)
    bare = terms.str.strip_prefix("<").str.strip_suffix(">")
    iris = pl.select(pl.when(terms.str.starts_with("<")).then(bare).otherwise(terms)).to_series()
    return pl.select(pl.when(literal).then(body).otherwise(names(iris))).to_series()


def names(iris: pl.Series) -> pl.Series:
    """`kg.terms.name_of` of each bare IRI."""
    page = iris.str.extract(r"(?s)^.*?/resource/(.*)$")
    local = iris.str.strip_chars_end("/#").str.extract(r"(?s)([^/#]*)$")
    title = _spaced(page).str.strip_prefix("Category:").str.strip_chars()
    word = _spaced(local).str.strip_chars()
    split = word.str.replace_all("([a-z0-9])([A-Z])", "$1 $2").str.replace_all("([A-Z])([A-Z][a-z])", "$1 $2")
    property_like = iris.str.contains("/ontology/|/property/") | (
        word.str.contains(r"^\p{Lowercase}") & ~word.str.contains(" ", literal=True)
    )
    name = pl.select(
        pl.when(page.is_not_null()).then(title).when(property_like).then(split.str.to_lowercase()).otherwise(word)
    ).to_series()
    return pl.select(pl.when(name == "").then(iris).otherwise(name)).to_series()


def _spaced(local: pl.Series) -> pl.Series:
    """Percent-decoded, underscores as spaces."""
    encoded = local.str.contains("%", literal=True).fill_null(False)
    if encoded.any():
        values = pl.Series([unquote(text) for text in local.filter(encoded)], dtype=pl.String)
        local = local.clone().scatter(encoded.arg_true(), values)
    return local.str.replace_all("_", " ", literal=True)
