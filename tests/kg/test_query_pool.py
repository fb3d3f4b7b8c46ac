import json
import socket
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import polars as pl
import pyoxigraph as ox
import pytest

from kg.errors import QueryError, QueryStopped, SnapshotError
from kg.query_pool import QueryPool
from kg.store import open_store, query, serialize, write_store
from tests.toy import CLEAN, ranked

ENDLESS = "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l . ?m ?n0 ?o . ?p ?q ?r . ?s ?t ?u }"
HUNGRY = "SELECT DISTINCT * { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l } ORDER BY ?a"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pool") / "store"
    write_store(folder, ranked(pl.DataFrame(sorted(CLEAN), schema=["s", "p", "o"], orient="row")))
    return folder


@pytest.fixture(scope="module")
def pool(store: Path) -> Iterator[QueryPool]:
    with QueryPool(store, workers=2, timeout_s=20) as pool:
        yield pool


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("SELECT ?o { dbr:Ada_Lovelace dbo:birthPlace ?o }", "json"),
        ("SELECT * { ?s dbo:capital ?o } ORDER BY ?s", "csv"),
        ("ASK { dbr:Paris ?p ?o }", "xml"),
        ("CONSTRUCT { ?s dbo:in ?o } WHERE { ?s dbo:capital ?o }", "nt"),
    ],
)
def test_a_worker_answers_as_the_store_does(pool: QueryPool, store: Path, text: str, name: str) -> None:
    assert pool.run(text, name) == serialize(query(open_store(store), text), name)


def test_many_threads_share_few_workers(pool: QueryPool) -> None:
    with ThreadPoolExecutor(8) as threads:
        texts = [f"SELECT ({i} AS ?n) {{}}" for i in range(24)]
        results = list(threads.map(lambda text: json.loads(pool.run(text, "json")), texts))
    assert [int(row["results"]["bindings"][0]["n"]["value"]) for row in results] == list(range(24))


@pytest.mark.parametrize(
    ("text", "name", "problem"),
    [
        ("SELECT", "json", "the query failed: error at"),
        ("SELECT * { ?s ?p ?o }", "turtle", "has no turtle form"),
        ("SELECT * { SERVICE <http://127.0.0.1:8/> { ?s ?p ?o } }", "json", "SERVICE is not allowed"),
        ("INSERT DATA { <http://a> <http://b> <http://c> }", "json", "read-only"),
    ],
)
def test_a_bad_query_says_why_and_harms_nothing(pool: QueryPool, text: str, name: str, problem: str) -> None:
    with pytest.raises(QueryError, match=problem):
        pool.run(text, name)
    assert b"true" in pool.run("ASK {}", "json")


def test_a_query_without_end_is_stopped_and_the_next_is_answered(store: Path) -> None:
    with QueryPool(store, workers=1, timeout_s=0.5) as pool:
        for _ in range(2):
            with pytest.raises(QueryStopped, match=r"longer than 0\.5 s and was stopped"):
                pool.run(ENDLESS, "json")
            assert b"true" in pool.run("ASK {}", "json")


def test_a_query_that_eats_memory_is_stopped_and_the_next_is_answered(store: Path) -> None:
    with QueryPool(store, workers=1, timeout_s=120, max_memory=256 << 20) as pool:
        with pytest.raises(QueryStopped, match="ran out of memory"):
            pool.run(HUNGRY, "json")
        assert b"true" in pool.run("ASK {}", "json")


def test_a_query_nested_too_deeply_is_said_to_be_so_and_the_next_is_answered(pool: QueryPool) -> None:
    with pytest.raises(QueryError, match="nested too deeply") as caught:
        pool.run("ASK " + "{" * 20_000 + "}" * 20_000, "json")
    assert not isinstance(caught.value, QueryStopped)
    assert b"true" in pool.run("ASK {}", "json")


def test_a_result_that_is_too_large_is_refused_not_cut(store: Path) -> None:
    with QueryPool(store, workers=1, max_bytes=1000) as pool, pytest.raises(QueryError, match="too large"):
        pool.run("SELECT * { ?s ?p ?o }", "json")


def test_more_queries_than_may_wait_are_turned_away(store: Path) -> None:
    with QueryPool(store, workers=1, timeout_s=3, waiting=0) as pool, ThreadPoolExecutor(6) as threads:
        running = [threads.submit(pool.run, ENDLESS, "json") for _ in range(6)]
        problems = [str(future.exception()) for future in running]
    assert any("too many queries" in problem for problem in problems)
    assert any("was stopped" in problem for problem in problems)


@pytest.mark.skipif(sys.platform != "linux", reason="seccomp is Linux's")
def test_a_query_cannot_reach_the_network_however_it_spells_service(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        closed = server.getsockname()[1]
    hidden = f"SELECT * {{ ?s ?p ?a FILTER(?a <?b)SERVICE#>\n<http://127.0.0.1:{closed}/>{{?x ?y ?z}}}}"
    triple = b"<http://a> <http://p> 1 ."
    store = ox.Store(str(tmp_path / "store"))
    store.load(triple, format=ox.RdfFormat.TURTLE)
    with pytest.raises(ConnectionRefusedError):
        list(store.query(hidden))
    del store
    with (
        QueryPool(tmp_path / "store", workers=1, timeout_s=20) as pool,
        pytest.raises(QueryError, match="Permission denied"),
    ):
        pool.run(hidden, "json")


def test_a_missing_store_is_named(tmp_path: Path) -> None:
    with (
        QueryPool(tmp_path / "nowhere", workers=1, timeout_s=5) as pool,
        pytest.raises(SnapshotError, match="nowhere does not open"),
    ):
        pool.run("ASK {}", "json")
