import bz2
import gzip
import socket
from pathlib import Path

import httpx
import pyoxigraph as ox
import pytest

from kg.errors import ParseError, SourceError, UsageError
from limbeck.endpoint import listen, load_files, serve_dump
from tests.toy import DISTINCT, TOY_NT


def count(url: str) -> int:
    response = httpx.get(url, params={"query": "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }"}, trust_env=False, timeout=30)
    return int(response.json()["results"]["bindings"][0]["n"]["value"])


def test_a_dump_is_served_until_the_end_of_the_block(tmp_path: Path) -> None:
    (tmp_path / "toy.nt.gz").write_bytes(gzip.compress(TOY_NT.encode()))
    with serve_dump([tmp_path / "toy.nt.gz"]) as url:
        assert count(url) == DISTINCT
    with pytest.raises(httpx.ConnectError):
        count(url)


def test_every_syntax_and_a_folder_give_the_same_triples(tmp_path: Path) -> None:
    triples = [quad.triple for quad in ox.parse(TOY_NT, format=ox.RdfFormat.N_TRIPLES)]
    turtle = ox.serialize(triples, format=ox.RdfFormat.TURTLE)
    quads = TOY_NT.replace(" .\n", " <http://graph.example/> .\n").encode()
    folder = tmp_path / "dump"
    folder.mkdir()
    for name, data in {
        "a.nt": TOY_NT.encode(),
        "b.ttl.bz2": bz2.compress(turtle or b""),
        "c.rdf": ox.serialize(triples, format=ox.RdfFormat.RDF_XML) or b"",
        "d.nq": quads,
    }.items():
        (folder / name).write_bytes(data)
        assert load_files(tmp_path / "stores" / name, [folder / name]) == DISTINCT
    assert load_files(tmp_path / "stores" / "all", [folder]) == DISTINCT


def test_a_file_that_is_missing_malformed_or_of_another_kind_is_named(tmp_path: Path) -> None:
    (tmp_path / "bad.nt").write_text("<http://a> <http://b> .\n")
    (tmp_path / "table.csv").write_text("a,b\n")
    for name, kind in (("bad.nt", ParseError), ("table.csv", UsageError), ("none.nt", SourceError)):
        with pytest.raises(kind, match=name):
            load_files(tmp_path / f"store-{name}", [tmp_path / name])


def test_a_port_that_is_taken_is_wrong_use() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, pytest.raises(UsageError, match=r"in use\. Choose another"):
        listen("127.0.0.1", server.getsockname()[1])
