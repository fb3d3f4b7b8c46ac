import polars as pl
import pyoxigraph as ox
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kg.clean import CleanOptions, normalise
from kg.clean.literals import normal_literals, stored_form
from kg.errors import ConfigError
from tests.toy import statements_of

XSD = "http://www.w3.org/2001/XMLSchema#"
DBR = "http://dbpedia.org/resource/"


def normal(*objects: str, languages: tuple[str, ...] = ("en",)) -> tuple[list[str], dict[str, int]]:
    frame = statements_of([("<http://a/s>", "<http://a/p>", term) for term in objects])
    kept, dropped = normalise(frame, CleanOptions(languages=languages))
    return kept.frame()["o"].to_list(), dropped


@pytest.mark.parametrize(
    ("given_term", "expected"),
    [
        (f"<{DBR}Ir%C3%A8ne>", f"<{DBR}Irène>"),
        (f"<{DBR}Ire%CC%80ne>", f"<{DBR}Irène>"),
        (f"<{DBR}Ire\u0300ne>", f"<{DBR}Irène>"),
        (f"<{DBR}AT%26T>", f"<{DBR}AT&T>"),
        (f"<{DBR}AC%2FDC>", f"<{DBR}AC/DC>"),
        (f"<{DBR}%22D%22_Is_for_Deadbeat>", f"<{DBR}%22D%22_Is_for_Deadbeat>"),
        (f"<{DBR}100%25_Records>", f"<{DBR}100%25_Records>"),
        (f"<{DBR}C%23>", f"<{DBR}C%23>"),
        (f"<{DBR}A%7cB>", f"<{DBR}A%7CB>"),
        (f"<{DBR}Bad%C3>", f"<{DBR}Bad%C3>"),
        (f"<{DBR}100%>", f"<{DBR}100%25>"),
        ("<http://hi.dbpedia.org/resource/%E0%A4%AD>", "<http://hi.dbpedia.org/resource/भ>"),
        ("<http://metaqa.example/entity/Gert%20Fr%C3%B6be>", "<http://metaqa.example/entity/Gert%20Fr%C3%B6be>"),
        ("<http://a/\\u00e9>", "<http://a/é>"),
    ],
)
def test_an_iri_is_decoded_by_dbpedias_rule_and_only_there(given_term: str, expected: str) -> None:
    assert normal(given_term) == ([expected], {})
    assert normal(expected) == ([expected], {})


@pytest.mark.parametrize(
    ("given_term", "expected"),
    [
        ('"  Paris "@EN-us', '"Paris"@en-us'),
        (f'"Paris"^^<{XSD}string>', '"Paris"'),
        (f'" 05 "^^<{XSD}nonNegativeInteger>', f'"5"^^<{XSD}integer>'),
        (f'"-5"^^<{XSD}nonNegativeInteger>', f'"-5"^^<{XSD}integer>'),
        (f'"about 5"^^<{XSD}unsignedByte>', f'"about 5"^^<{XSD}unsignedByte>'),
        (f'"1"^^<{XSD}boolean>', f'"true"^^<{XSD}boolean>'),
        (f'"+1.50"^^<{XSD}decimal>', f'"1.5"^^<{XSD}decimal>'),
        (f'"1815-12-10"^^<{XSD}date>', f'"1815-12-10"^^<{XSD}date>'),
        (f'"about 5"^^<{XSD}integer>', f'"about 5"^^<{XSD}integer>'),
        ('"5"^^<http://dbpedia.org/datatype/metre>', '"5"^^<http://dbpedia.org/datatype/metre>'),
        ('"caf\\u00e9\\n"', '"café"'),
        ('"a\\tb \\\\ \\"c\\""', '"a\\tb \\\\ \\"c\\""'),
        ('"x\\\'y"', '"x\'y"'),
        ('" \ufffe\\uFFFF"', '"\\uFFFE\\uFFFF"'),
    ],
)
def test_a_literal_takes_the_form_that_the_store_keeps(given_term: str, expected: str) -> None:
    assert normal(given_term) == ([expected], {})


def test_dropped_triples_are_counted_once_by_their_first_reason() -> None:
    a = "<http://a/s>"
    triples = [
        (a, "<http://dbpedia.org/ontology/wikiPageID>", '""'),
        (a, "<http://a/p>", '" "'),
        (a, "<http://a/p>", '" "'),
        (a, "<http://a/p>", '""@fr'),
        (a, "<http://a/p>", '"Londres"@fr'),
        (a, "<http://a/p>", "<http://a b>"),
        (a, "<http://a/p>", '"x"@not_a_tag'),
        (a, "<http://a/p>", '"x"^^<no iri>'),
        (a, "<http://a/p>", '"\\ud800"'),
        ('"s"', "<http://a/p>", '"o"'),
        (a, "_:p", '"o"'),
        (a, "<http://a/p>", '"kept"@en-GB'),
    ]
    kept, dropped = normalise(statements_of(triples), CleanOptions())
    assert kept.frame()["o"].to_list() == ['"kept"@en-gb']
    assert dropped == {"dropped predicate": 1, "empty literal": 2, "other language": 1, "invalid term": 6}


def test_the_place_of_a_statement_stays_with_it() -> None:
    kept, _ = normalise(
        statements_of([("<http://a/s>", "<http://a/p>", term) for term in ('""', '"b"')]), CleanOptions()
    )
    assert kept.rows["record"].to_list() == [2]


_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
_TYPES = st.sampled_from(["integer", "decimal", "double", "boolean", "date", "gYear", "dateTime", "token"])


@given(st.lists(st.tuples(_TEXT | st.integers().map(str) | st.dates().map(str), _TYPES), max_size=8))
def test_normal_literals_are_what_the_store_gives_back(values: list[tuple[str, str]]) -> None:
    terms = [str(ox.Literal(text, datatype=ox.NamedNode(XSD + name))) for text, name in values]
    frame = normal_literals(pl.Series(terms, dtype=pl.String), ("en",)).filter(pl.col("reason").is_null())
    assert stored_form(frame["new"]).to_list() == frame["new"].to_list()


def test_a_budget_outside_its_range_is_refused() -> None:
    with pytest.raises(ConfigError, match="budget"):
        CleanOptions(budget=0)
