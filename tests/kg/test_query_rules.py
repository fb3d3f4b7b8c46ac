import pyoxigraph as ox
import pytest

from kg.errors import QueryError
from kg.store import form_of, query, refuse_service, refuse_updates

CALLS = [
    "SELECT * { SERVICE <http://127.0.0.1:8/> { ?s ?p ?o } }",
    "select*{?s ?p ?o.service silent<http://127.0.0.1:8/>{?x ?y ?z}}",
    "SELECT * { ?s ?p ?o . # a comment\rSERVICE <http://127.0.0.1:8/> { ?x ?y ?z } }",
    "SELECT * { ?s ?p 'it''s' . SERVICE ?where { ?x ?y ?z } }",
]
HARMLESS = [
    'SELECT * { ?s rdfs:label "secret service"@en }',
    "SELECT * { ?service ?p ?o } # SERVICE",
    "SELECT * { ?s dbo:service dbr:Secret-Service, <http://dbpedia.org/resource/SERVICE> }",
    "PREFIX service: <http://a/> SELECT * { ?s service:x 'it\\'s SERVICE' , '''SERVICE\n''' }",
]
HIDDEN = "SELECT * { ?s ?p ?a FILTER(?a < 3 && ?a <?b)SERVICE#>\n<http://127.0.0.1:8/>{?x ?y ?z}}"


@pytest.mark.parametrize("text", CALLS)
def test_a_call_of_another_endpoint_is_refused(text: str) -> None:
    for strict in (False, True):
        with pytest.raises(QueryError, match="SERVICE is not allowed"):
            refuse_service(text, strict=strict)


@pytest.mark.parametrize("text", HARMLESS)
def test_the_word_service_elsewhere_is_no_call(text: str) -> None:
    refuse_service(text)


def test_the_strict_rule_sees_a_call_that_hides_behind_a_comparison() -> None:
    with pytest.raises(QueryError, match="SERVICE is not allowed"):
        refuse_service(HIDDEN, strict=True)


@pytest.mark.parametrize(
    "text",
    [
        "INSERT DATA { <http://a> <http://b> <http://c> }",
        "PREFIX a: <http://a/> delete where { a:x ?p ?o }",
        "LOAD <http://127.0.0.1:8/x.nt>",
        "CLEAR ALL",
        "WITH <http://g> DELETE { ?s ?p ?o } WHERE { SELECT * { ?s ?p ?o } }",
    ],
)
def test_updates_are_refused_by_name(text: str) -> None:
    with pytest.raises(QueryError, match="is an update, and this graph is read-only"):
        refuse_updates(text)


@pytest.mark.parametrize("form", ["SELECT", "ASK", "CONSTRUCT", "DESCRIBE"])
def test_the_form_of_a_query_is_found_behind_its_prologue(form: str) -> None:
    prologue = "BASE <http://drop.example/> PREFIX insert: <http://a/load> # CLEAR\n"
    assert form_of(f"{prologue}{form.lower()} where") == form
    assert form_of(prologue) is None


def test_the_message_of_a_malformed_query_is_one_line_of_bounded_length() -> None:
    with pytest.raises(QueryError) as caught:
        query(ox.Store(), "SELECT * { ?s ?p ex:a-b")
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 300
