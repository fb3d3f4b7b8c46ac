"""One small graph, with answers reckoned by hand: scientists, two films, three cities and their countries.

`TOY_NT` is the raw dump, as a source would give it: with redirects, owl:sameAs, a percent-encoded twin, repeated lines
and junk. `CLEAN` tells what is left of it after cleaning with the default options.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import polars as pl

from kg.statements import SCHEMA, Statements
from kg.terms import expand, iri_term
from kg.triples import Triples

_FACTS = """\
dbr:Ada_Lovelace|rdf:type|dbo:Person
dbr:Charles_Babbage|rdf:type|dbo:Person
dbr:Marie_Curie|rdf:type|dbo:Person
dbr:Pierre_Curie|rdf:type|dbo:Person
dbr:Irène_Joliot-Curie|rdf:type|dbo:Person
dbr:Marjane_Satrapi|rdf:type|dbo:Person
dbr:London|rdf:type|dbo:City
dbr:Paris|rdf:type|dbo:City
dbr:Warsaw|rdf:type|dbo:City
dbr:United_Kingdom|rdf:type|dbo:Country
dbr:France|rdf:type|dbo:Country
dbr:Poland|rdf:type|dbo:Country
dbr:Radioactive_(film)|rdf:type|dbo:Film
dbr:Persepolis_(film)|rdf:type|dbo:Film
dbr:Ada_Lovelace|rdfs:label|"Ada Lovelace"@en
dbr:Charles_Babbage|rdfs:label|"Charles Babbage"@en
dbr:Marie_Curie|rdfs:label|"Marie Curie"@en
dbr:Pierre_Curie|rdfs:label|"Pierre Curie"@en
dbr:Irène_Joliot-Curie|rdfs:label|"Irène Joliot-Curie"@en
dbr:Marjane_Satrapi|rdfs:label|"Marjane Satrapi"@en
dbr:London|rdfs:label|"London"@en
dbr:Paris|rdfs:label|"Paris"@en
dbr:Warsaw|rdfs:label|"Warsaw"@en
dbr:United_Kingdom|rdfs:label|"United Kingdom"@en
dbr:France|rdfs:label|"France"@en
dbr:Poland|rdfs:label|"Poland"@en
dbr:Radioactive_(film)|rdfs:label|"Radioactive (film)"@en
dbr:Persepolis_(film)|rdfs:label|"Persepolis (film)"@en
dbr:Ada_Lovelace|dbo:birthPlace|dbr:London
dbr:Charles_Babbage|dbo:birthPlace|dbr:London
dbr:Marie_Curie|dbo:birthPlace|dbr:Warsaw
dbr:Pierre_Curie|dbo:birthPlace|dbr:Paris
dbr:Irène_Joliot-Curie|dbo:birthPlace|dbr:Paris
dbr:Ada_Lovelace|dbo:birthDate|"1815-12-10"^^xsd:date
dbr:Marie_Curie|dbo:spouse|dbr:Pierre_Curie
dbr:Irène_Joliot-Curie|dbo:parent|dbr:Marie_Curie
dbr:Irène_Joliot-Curie|dbo:parent|dbr:Pierre_Curie
dbr:London|dbo:country|dbr:United_Kingdom
dbr:Paris|dbo:country|dbr:France
dbr:Warsaw|dbo:country|dbr:Poland
dbr:United_Kingdom|dbo:capital|dbr:London
dbr:France|dbo:capital|dbr:Paris
dbr:Poland|dbo:capital|dbr:Warsaw
dbr:Radioactive_(film)|dbo:director|dbr:Marjane_Satrapi
dbr:Persepolis_(film)|dbo:director|dbr:Marjane_Satrapi
dbr:Radioactive_(film)|dbo:country|dbr:United_Kingdom
dbr:Persepolis_(film)|dbo:country|dbr:France
dbr:London|dbo:populationTotal|"8799800"^^xsd:integer
dbr:Paris|dbo:populationTotal|"2102650"^^xsd:integer
"""

_NEEDS_CLEANING = """\
dbr:Charles_Babbage|dbo:nationality|dbr:UK
dbr:UK|dbo:wikiPageRedirects|dbr:United_Kingdom
dbr:Madame_Curie|dbo:wikiPageRedirects|dbr:Marie_Curie
dbr:Madame_Curie|rdfs:label|"Madame Curie"@en
dbr:Marja_Sklodowska|dbo:wikiPageRedirects|dbr:Madame_Curie
dbr:Marie_Curie|dbp:alias|dbr:Madame_Curie
dbr:Paris|owl:sameAs|<http://www.wikidata.org/entity/Q90>
<http://www.wikidata.org/entity/Q90>|rdfs:label|"City of Light"@en
dbr:Ir%C3%A8ne_Joliot-Curie|dbo:birthPlace|dbr:Paris
dbr:Paris|rdfs:label|"Parigi"@it
dbr:Paris|dbo:wikiPageID|"22989"^^xsd:integer
dbr:Warsaw|dbp:motto|"  "@en
dbr:Ada_Lovelace|dbo:birthPlace|dbr:London
dbr:Persepolis_(film)|dbo:country|dbr:France
"""

_AFTER_CLEANING = """\
dbr:Charles_Babbage|dbo:nationality|dbr:United_Kingdom
dbr:United_Kingdom|skos:altLabel|"UK"@en
dbr:Marie_Curie|skos:altLabel|"Madame Curie"@en
dbr:Marie_Curie|skos:altLabel|"Marja Sklodowska"@en
dbr:Paris|skos:altLabel|"City of Light"@en
"""

LINES, DISTINCT = 63, 61
DROPPED = {
    "redirect": 3,
    "same as": 1,
    "duplicate": 1,
    "other language": 1,
    "dropped predicate": 1,
    "empty literal": 1,
    "self loop after merge": 1,
}
ADDED = 2
ENTITIES, PREDICATES = 14, 12

QUESTIONS: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = (
    ("Where was Ada Lovelace born?", ("dbr:Ada_Lovelace",), ("dbr:London",)),
    ("Who was born in Paris?", ("dbr:Paris",), ("dbr:Pierre_Curie", "dbr:Irène_Joliot-Curie")),
    ("What is the capital of Poland?", ("dbr:Poland",), ("dbr:Warsaw",)),
    ("In which country was Marie Curie born?", ("dbr:Marie_Curie",), ("dbr:Poland",)),
    ("Who directed Persepolis?", ("dbr:Persepolis_(film)",), ("dbr:Marjane_Satrapi",)),
    (
        "Which films did Marjane Satrapi direct?",
        ("dbr:Marjane_Satrapi",),
        ("dbr:Radioactive_(film)", "dbr:Persepolis_(film)"),
    ),
    ("What is the population of London?", ("dbr:London",), ("8799800",)),
    ("Where was the spouse of Marie Curie born?", ("dbr:Marie_Curie",), ("dbr:Paris",)),
)
"""Question, gold entities, all answers (prefixed names, or the text of a literal)."""


def triples_of(text: str) -> list[tuple[str, str, str]]:
    """The N-Triples terms of lines `s|p|o` of prefixed names."""
    parts = (line.split("|") for line in text.splitlines())
    return [(_term(s), _term(p), _term(o)) for s, p, o in parts]


def _term(text: str) -> str:
    if not text.startswith('"'):
        return iri_term(expand(text))
    body, mark, datatype = text.partition("^^")
    return f"{body}{mark}{iri_term(expand(datatype))}" if mark else text


RAW = triples_of(_FACTS + _NEEDS_CLEANING)
"""The dump's triples in its order, repeated ones too."""

TOY_NT = "".join(f"{s} {p} {o} .\n" for s, p, o in RAW)

CLEAN = frozenset(triples_of(_FACTS + _AFTER_CLEANING))
"""The 54 triples that cleaning leaves."""


def statements_of(triples: Sequence[tuple[str, str, str]]) -> Statements:
    """Triples as the statements of one dump, lines from 1."""
    return Statements.of(frame_of(triples))


def frame_of(triples: Sequence[tuple[str, str, str]]) -> pl.DataFrame:
    """Triples as a frame of statements of one dump, lines from 1."""
    frame = pl.DataFrame(list(triples), schema=["s", "p", "o"], orient="row")
    return frame.with_columns(
        source=pl.lit(0), record=pl.int_range(1, pl.len() + 1), start=pl.lit(-1), end=pl.lit(-1), confidence=pl.lit(1.0)
    ).cast(SCHEMA)  # type: ignore[arg-type]


def ranked(frame: pl.DataFrame) -> Triples:
    """Distinct triples (columns s, p, o, and perhaps `importance`) as the graph's columns are made of."""
    ordered = frame.sort("s", "p", "o")
    triples = Triples.of(Statements.of(ordered.select("s", "p", "o")))
    if "importance" not in frame:
        return triples
    return replace(triples, importance=ordered["importance"].to_numpy().astype(np.float32))
