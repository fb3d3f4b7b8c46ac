import csv
import io
from collections.abc import Iterator

import httpx
import pytest
from rdflib import Graph
from rdflib.plugins.sparql.results.xmlresults import XMLResultParser
from SPARQLWrapper import CSV, JSON, N3, POST, TURTLE, XML, SPARQLWrapper

from limbeck.endpoint import load_files, serving, sparql_app
from tests.toy import DISTINCT, TOY_NT

CAPITALS = "SELECT ?o { ?s <http://dbpedia.org/ontology/capital> ?o } ORDER BY ?o"
NAMES = [f"http://dbpedia.org/resource/{name}" for name in ("London", "Paris", "Warsaw")]
ENDLESS = "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l . ?m ?n0 ?o . ?p ?q ?r . ?s ?t ?u }"
FORM = "application/x-www-form-urlencoded"
QUERY = "application/sparql-query"


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("protocol")
    (folder / "toy.nt").write_text(TOY_NT, "utf-8")
    assert load_files(folder / "store", [folder / "toy.nt"]) == DISTINCT
    with serving(sparql_app(folder / "store", timeout_s=2, max_bytes=20_000)) as base:
        yield f"{base}/sparql"


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    with httpx.Client(timeout=30, trust_env=False) as client:
        yield client


def names(result: dict) -> list[str]:
    return [row["o"]["value"] for row in result["results"]["bindings"]]


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_sparqlwrapper_reads_json(url: str, method: str) -> None:
    wrapper = SPARQLWrapper(url)
    wrapper.setQuery(CAPITALS)
    wrapper.setReturnFormat(JSON)
    wrapper.setMethod(method)
    assert names(wrapper.queryAndConvert()) == NAMES


def test_sparqlwrapper_posts_a_query_as_it_is(url: str) -> None:
    wrapper = SPARQLWrapper(url)
    wrapper.setQuery(CAPITALS)
    wrapper.setReturnFormat(JSON)
    wrapper.setMethod(POST)
    wrapper.setRequestMethod("postdirectly")
    assert names(wrapper.queryAndConvert()) == NAMES


def test_sparqlwrapper_reads_xml_csv_turtle_and_n3(url: str) -> None:
    wrapper = SPARQLWrapper(url)
    wrapper.setQuery(CAPITALS)
    wrapper.setReturnFormat(XML)
    values = wrapper.queryAndConvert().getElementsByTagName("uri")
    assert [node.firstChild.data for node in values] == NAMES
    wrapper.setReturnFormat(CSV)
    assert wrapper.queryAndConvert().decode().split() == ["o", *NAMES]
    wrapper.setQuery("CONSTRUCT WHERE { ?s <http://dbpedia.org/ontology/capital> ?o }")
    for kind in (TURTLE, N3):
        wrapper.setReturnFormat(kind)
        data = wrapper.queryAndConvert()
        assert len(Graph().parse(data=data, format="turtle")) == 3


@pytest.mark.parametrize(
    ("accept", "answered"),
    [
        ("*/*", "application/sparql-results+json"),
        ("application/json", "application/sparql-results+json"),
        ("application/sparql-results+xml", "application/sparql-results+xml"),
        ("text/csv;q=0.1, text/tab-separated-values", "text/tab-separated-values; charset=utf-8"),
        ("text/html, application/xml;q=0.9, */*;q=0.8", "application/xml"),
    ],
)
def test_select_is_answered_in_the_type_asked_for(client: httpx.Client, url: str, accept: str, answered: str) -> None:
    response = client.get(url, params={"query": CAPITALS}, headers={"Accept": accept})
    assert (response.status_code, response.headers["content-type"]) == (200, answered)


def test_the_four_result_formats_say_the_same(client: httpx.Client, url: str) -> None:
    def get(kind: str) -> httpx.Response:
        return client.get(url, params={"query": CAPITALS}, headers={"Accept": kind})

    assert names(get("application/sparql-results+json").json()) == NAMES
    xml = XMLResultParser().parse(io.BytesIO(get("application/sparql-results+xml").content))
    assert [str(row[0]) for row in xml] == NAMES
    assert [row["o"] for row in csv.DictReader(io.StringIO(get("text/csv").text))] == NAMES
    assert get("text/tab-separated-values").text.split() == ["?o", *(f"<{name}>" for name in NAMES)]


@pytest.mark.parametrize(
    ("accept", "syntax"), [("text/turtle", "turtle"), ("application/n-triples", "nt"), ("application/rdf+xml", "xml")]
)
def test_construct_and_describe_come_as_graphs(client: httpx.Client, url: str, accept: str, syntax: str) -> None:
    construct = "CONSTRUCT { ?o dbo:of ?s } WHERE { ?s dbo:capital ?o }"
    for query, n in ((construct, 3), ("DESCRIBE <http://dbpedia.org/resource/Marjane_Satrapi>", 2)):
        response = client.get(url, params={"query": query}, headers={"Accept": accept})
        assert response.headers["content-type"].partition(";")[0] == accept
        assert len(Graph().parse(data=response.text, format=syntax)) == n


def test_a_format_parameter_decides_where_accept_does_not(client: httpx.Client, url: str) -> None:
    response = client.get(url, params={"query": CAPITALS, "format": "csv"})
    assert response.headers["content-type"] == "text/csv; charset=utf-8"
    response = client.get(url, params={"query": CAPITALS, "format": "csv"}, headers={"Accept": "application/json"})
    assert response.headers["content-type"] == "application/sparql-results+json"


def test_head_and_options(client: httpx.Client, url: str) -> None:
    head = client.head(url, params={"query": CAPITALS})
    assert (head.status_code, head.content) == (200, b"")
    options = client.options(url)
    assert (options.status_code, options.headers["allow"]) == (204, "GET, HEAD, POST, OPTIONS")


def test_without_a_query_the_service_describes_itself(client: httpx.Client, url: str) -> None:
    response = client.get(url)
    graph = Graph().parse(data=response.text, format="turtle")
    found = graph.query(
        "PREFIX sd: <http://www.w3.org/ns/sparql-service-description#> "
        "SELECT ?e { ?s a sd:Service ; sd:endpoint ?e ; sd:supportedLanguage sd:SPARQL11Query }"
    )
    assert [str(row[0]) for row in found] == [url]


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("application/sparql-update", "INSERT DATA { <http://a> <http://b> <http://c> }", 403),
        (FORM, "update=CLEAR%20ALL", 403),
        (FORM, "query=INSERT%20DATA%20%7B%7D", 400),
        (QUERY, "LOAD <http://127.0.0.1:8/x>", 400),
        (QUERY, "SELECT * { SERVICE <http://127.0.0.1:8/> { ?s ?p ?o } }", 400),
        (QUERY, "SELECT", 400),
        (QUERY, b"SELECT \xff", 400),
        (FORM, "", 400),
        (FORM, "query=ASK%20%7B%7D&query=ASK%20%7B%7D", 400),
        (FORM, "query=ASK%20%7B%7D&default-graph-uri=http://dbpedia.org", 400),
        ("text/plain", "ASK {}", 415),
        (QUERY, "ASK {} #" + "x" * (1 << 20), 413),
        (QUERY, "SELECT * { ?a ?b ?c . ?d ?e ?f }", 400),
    ],
)
def test_what_is_not_served_is_refused_in_words(
    client: httpx.Client, url: str, kind: str, body: str | bytes, status: int
) -> None:
    response = client.post(url, content=body, headers={"Content-Type": kind})
    assert response.status_code == status
    assert response.headers["content-type"] == "text/plain; charset=utf-8"
    assert len(response.text.splitlines()) == 1 and response.text.strip()
    count = client.get(url, params={"query": "SELECT (COUNT(*) AS ?o) { ?s ?p ?x }"}).json()
    assert names(count) == [str(DISTINCT)]


def test_a_type_that_is_not_there_is_not_acceptable(client: httpx.Client, url: str) -> None:
    response = client.get(url, params={"query": CAPITALS}, headers={"Accept": "text/turtle"})
    assert response.status_code == 406
    assert "application/sparql-results+json" in response.text


def test_a_query_without_end_is_stopped_and_the_next_is_answered(client: httpx.Client, url: str) -> None:
    response = client.get(url, params={"query": ENDLESS})
    assert (response.status_code, response.headers["retry-after"]) == (503, "5")
    assert "longer than 2 s" in response.text
    assert names(client.get(url, params={"query": CAPITALS}).json()) == NAMES
