import gc
import socket
import sys
from pathlib import Path
from typing import cast

import polars as pl
import pyoxigraph as ox
import pytest

from kg.errors import QueryError, SnapshotError
from kg.store import form_of, open_store, query, serialize, without_network, write_store
from tests.toy import CLEAN, ranked

COUNT = "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("store") / "store"
    write_store(folder, ranked(pl.DataFrame(list(CLEAN), schema=["s", "p", "o"], orient="row")))
    return folder


def test_the_store_holds_each_triple(folder: Path) -> None:
    assert {(str(q.subject), str(q.predicate), str(q.object)) for q in open_store(folder)} == CLEAN
    assert serialize(query(open_store(folder), COUNT), "csv").split() == [b"n", str(len(CLEAN)).encode()]


def test_prefixes_need_no_declaration(folder: Path) -> None:
    born = serialize(query(open_store(folder), "SELECT ?x { ?x dbo:birthPlace dbr:Paris } ORDER BY ?x"), "csv").decode()
    assert born.split() == [
        "x",
        "http://dbpedia.org/resource/Irène_Joliot-Curie",
        "http://dbpedia.org/resource/Pierre_Curie",
    ]


def test_blank_nodes_keep_their_names(tmp_path: Path) -> None:
    rows = [("_:b0", "<http://a/p>", "_:b1"), ("_:b1", "<http://a/p>", '"x"'), ("<http://a/s>", "<http://a/p>", '"y"')]
    write_store(tmp_path / "store", ranked(pl.DataFrame(rows, schema=["s", "p", "o"], orient="row")))
    found = {(str(q.subject), str(q.predicate), str(q.object)) for q in open_store(tmp_path / "store")}
    assert found == set(rows)


def test_service_is_refused_in_every_spelling(folder: Path) -> None:
    store = open_store(folder)
    for text in (
        "SELECT * { SERVICE <http://a/> { ?s ?p ?o } }",
        "SELECT * { service<http://a/>{ ?s ?p ?o } }",
        "SELECT * { ?s ?p 'x' . # SERVICE\nSeRvIcE SILENT ?e { ?s ?p ?o } }",
        'SELECT * { ?s ?p """a"b""" SERVICE <http://a/> { } }',
        "SELECT * { FILTER(?a<?b)SERVICE?x{ ?s ?p ?o } }",
        "SELECT * { ?s ?p 1SERVICE <http://a/> { } }",
        "SELECT * { ?s ?p true.SERVICE <http://a/> { } }",
        "SELECT * { BIND('''\\'''' AS ?x) SERVICE <http://a/> { } } #'",
        'SELECT * { BIND("""\\"""" AS ?x) SERVICE <http://a/> { } } #"',
    ):
        with pytest.raises(QueryError, match="SERVICE is not allowed"):
            query(store, text)


def test_the_word_service_elsewhere_is_no_call(folder: Path) -> None:
    store = open_store(folder)
    for text in (
        "ASK { ?s ?p 'SERVICE' }",
        'ASK { ?s ?p """a SERVICE " b""" }',
        "ASK { ?s <http://a/SERVICE> ?o } # SERVICE",
        "ASK { ?service dbo:SERVICE $SERVICE }",
        "PREFIX service: <http://a/> ASK { ?s service:SERVICE dbo:SERVICE }",
    ):
        assert serialize(query(store, text), "csv") == b"false", text


@pytest.mark.skipif(sys.platform != "linux", reason="seccomp is Linux's")
def test_a_query_that_slips_through_the_reading_reaches_no_network(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.1)
        call = f"SELECT ?s {{ SERVICE <http://127.0.0.1:{server.getsockname()[1]}/> {{ ?s ?p ?o }} }}"
        with pytest.raises(OSError, match="Permission denied"):
            without_network("", lambda: list(cast(ox.QuerySolutions, open_store(folder).query(call))))
        with pytest.raises(TimeoutError):
            server.accept()


def test_the_results_of_a_query_that_fails_are_dropped_in_its_own_thread(
    folder: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    dropped: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", dropped.append)

    def read() -> None:
        results = open_store(folder).query("SELECT * { ?s ?p ?o }")
        raise ValueError(f"the first is {next(iter(cast(ox.QuerySolutions, results)))}")

    def fail() -> None:
        try:
            read()
        except ValueError as error:
            raise QueryError("the query failed") from error

    with pytest.raises(QueryError, match="the query failed"):
        without_network("", fail)
    gc.collect()
    assert not dropped
    assert "unsendable" not in capfd.readouterr().err


@pytest.mark.parametrize("piece", ["a-", '\\"', "\\'", "'''\\", '"""\\', "a.", "<", "#", "a:", "_", "\\", "1"])
def test_the_time_to_read_a_query_is_linear_in_its_length(piece: str) -> None:
    """A quadratic reading of a mebibyte takes hours."""
    assert form_of(piece * (2**20 // len(piece)) + "\nselect") in ("SELECT", None)


def test_a_result_that_is_too_large_is_an_error_and_never_cut(folder: Path) -> None:
    with pytest.raises(QueryError, match="too large"):
        serialize(query(open_store(folder), "SELECT * { ?s ?p ?o }"), "json", max_bytes=1000)


def test_a_format_that_does_not_fit_names_those_that_do(folder: Path) -> None:
    store = open_store(folder)
    with pytest.raises(QueryError, match="json, csv, tsv, xml"):
        serialize(query(store, COUNT), "turtle")
    with pytest.raises(QueryError, match="turtle, nt, xml"):
        serialize(query(store, "CONSTRUCT WHERE { ?s ?p ?o }"), "csv")


def test_a_malformed_query_is_a_query_error(folder: Path) -> None:
    with pytest.raises(QueryError, match="failed"):
        query(open_store(folder), "SELECT WHERE")


def test_a_folder_without_a_store_is_a_snapshot_error(tmp_path: Path) -> None:
    with pytest.raises(SnapshotError, match="does not open"):
        open_store(tmp_path / "none")
