import pytest

from kg.clean import CleanOptions, normalise
from kg.errors import ConfigError
from kg.terms import expand, iri_term
from tests.toy import statements_of

NAMES = [
    "dbo:birthPlace",
    "dbo:wikiPageID",
    "dbp:birthPlace",
    "rdfs:label",
    "rdf:type",
    "dbo:wikiPageRedirects",
    "owl:sameAs",
]
LINKS = ["rdfs:label", "rdf:type", "dbo:wikiPageRedirects", "owl:sameAs"]


@pytest.mark.parametrize(
    ("keep", "drop", "left"),
    [
        ((), (), NAMES),
        ((), ("dbo:wikiPageID", "http://dbpedia.org/property/*"), ["dbo:birthPlace", *LINKS]),
        (("dbo:birthPlace",), (), ["dbo:birthPlace", *LINKS]),
        (("dbo:*",), (), ["dbo:birthPlace", "dbo:wikiPageID", *LINKS]),
        (("dbo:*",), ("dbo:wikiPage*", "rdf:type"), ["dbo:birthPlace", "rdfs:label", "owl:sameAs"]),
        (("dbo:birth",), (), LINKS),
    ],
)
def test_predicates_are_kept_and_dropped_by_name(keep: tuple[str, ...], drop: tuple[str, ...], left: list[str]) -> None:
    statements = statements_of([("<http://a/s>", iri_term(expand(name)), '"x"') for name in NAMES])
    kept, dropped = normalise(statements, CleanOptions(keep_predicates=keep, drop_predicates=drop))
    assert sorted(kept.frame()["p"]) == sorted(iri_term(expand(name)) for name in left)
    assert dropped == ({"dropped predicate": len(NAMES) - len(left)} if len(left) < len(NAMES) else {})


@pytest.mark.parametrize("name", ["birthPlace", "foo:bar", "", "dbo:a b", "*"])
def test_what_is_no_name_of_a_predicate_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="neither an IRI"):
        CleanOptions(keep_predicates=(name,))


@pytest.mark.parametrize("name", ["english language", "", "en_GB", "en|de"])
def test_what_is_no_range_of_languages_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="no language range"):
        CleanOptions(languages=(name,))


def test_names_made_by_cleaning_have_the_first_language_there_is() -> None:
    assert CleanOptions(languages=("*", "en-GB", "de")).language == "en-gb"
    assert CleanOptions(languages=("*",)).language is None
