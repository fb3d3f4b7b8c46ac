from pathlib import Path

import pyoxigraph as ox
import pytest

from kg.errors import EmptyGraph, UsageError
from kg.sources import SourceOptions, estimate, pull
from kg.sources.options import kind_of
from kg.statements import SCHEMA
from kg.types import Document
from tests.loopback import serve_oxigraph

LINES = """\
<http://dbpedia.org/resource/A> <http://www.w3.org/1999/02/22-rdf-syntax-ns#type> <http://dbpedia.org/ontology/City> .
<http://dbpedia.org/resource/A> <http://dbpedia.org/ontology/country> <http://dbpedia.org/resource/B> .
<http://dbpedia.org/resource/B> <http://dbpedia.org/ontology/capital> <http://dbpedia.org/resource/C> .
<http://dbpedia.org/resource/C> <http://dbpedia.org/ontology/motto> "C" .
<http://dbpedia.org/resource/C> <http://dbpedia.org/ontology/motto> "C" .
"""


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "a.nt").write_text(LINES)
    (tmp_path / "t.jsonl").write_text('{"id": "x", "text": "X."}\n{"id": "y", "text": "Y."}\n')
    (tmp_path / "empty.nt").write_text("")
    return {path.stem: str(path) for path in tmp_path.iterdir()}


def test_sources_come_in_order_with_their_index_and_nothing_is_merged(files: dict[str, str]) -> None:
    sources = [SourceOptions(files["t"]), SourceOptions(files["a"], name="first"), SourceOptions(files["a"])]
    pulled = pull(sources)
    statements = pulled.statements.frame()
    assert dict(statements.schema) == SCHEMA
    assert statements["source"].to_list() == [1] * 5 + [2] * 5
    assert statements["record"].to_list() == [1, 2, 3, 4, 5] * 2
    assert statements.select("start", "end", "confidence").unique().rows() == [(-1, -1, 1.0)]
    assert pulled.documents == [Document("x", "X."), Document("y", "Y.")]
    assert pulled.document_source == [0, 0]
    assert [(info.name, info.kind) for info in pulled.infos][1:] == [("first", "dump"), (files["a"], "dump")]
    assert pull(sources, skip_text=True).documents == []


def test_no_triple_at_all_names_the_sources(files: dict[str, str]) -> None:
    with pytest.raises(EmptyGraph, match=r"empty\.nt \(dump\), .*t\.jsonl \(text\)"):
        pull([SourceOptions(files["empty"]), SourceOptions(files["t"])])


SELECTIONS = [
    ({"select": "classes", "classes": ("dbo:City",)}, 2),
    ({"select": "seeds", "seeds": ("dbr:A",)}, 2),
    ({"select": "seeds", "seeds": ("dbr:A",), "hops": 2}, 3),
    ({"select": "seeds", "seeds": ("dbr:A", "dbr:B"), "hops": 3}, 4),
    ({"select": "whole"}, 4),
]


@pytest.mark.parametrize(("options", "count"), SELECTIONS)
def test_a_selection_takes_the_same_from_a_dump_and_an_endpoint(
    files: dict[str, str], options: dict[str, object], count: int
) -> None:
    store = ox.Store()
    store.load(LINES.encode(), format=ox.RdfFormat.N_TRIPLES)
    dump = pull([SourceOptions(files["a"], **options)]).statements.frame()  # type: ignore[arg-type]
    with serve_oxigraph(store) as server:
        endpoint = pull([SourceOptions(server.url, **options)]).statements.frame()  # type: ignore[arg-type]
    found = set(endpoint.select("s", "p", "o").rows())
    assert found == set(dump.select("s", "p", "o").rows())
    assert len(found) == count


def test_estimate_counts_at_the_endpoint_and_reckons_lines_of_files(files: dict[str, str]) -> None:
    store = ox.Store()
    store.load(LINES.encode(), format=ox.RdfFormat.N_TRIPLES)
    with serve_oxigraph(store) as server:
        whole = SourceOptions(server.url)
        far = SourceOptions(server.url, select="seeds", seeds=("dbr:A",), hops=2)
        rows = estimate([whole, far, SourceOptions(files["a"]), SourceOptions(files["t"])])
    assert [(row.get("triples"), row.get("lines"), row["exact"]) for row in rows] == [
        (4, None, True),
        (None, None, False),
        (None, 5, True),
        (None, 2, True),
    ]


@pytest.mark.parametrize("name", ["missing.nt", "a.doc", ".", "https://example.org/dump.ttl.bz2"])
def test_an_unknown_kind_of_source_lists_what_is_taken(tmp_path: Path, name: str) -> None:
    (tmp_path / "a.doc").write_bytes(b"")
    with pytest.raises(UsageError, match=r"N-Triples.*N-Quads.*Turtle.*RDF/XML.*JSONL.*SPARQL endpoint"):
        kind_of(name if "://" in name else str(tmp_path / name))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"select": "some"}, "select is"),
        ({"select": "classes"}, "needs a list of classes"),
        ({"seeds": ("dbr:A",)}, "seeds are given"),
        ({"page_size": 0}, "page_size is at least 1"),
        ({"connections": 0}, "connections is at least 1"),
        ({"timeout_s": 0}, "timeout_s is more than 0"),
        ({"max_malformed": 1.5}, "max_malformed is a share"),
    ],
)
def test_options_that_contradict_themselves_are_refused(options: dict[str, object], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        SourceOptions("http://me:$SECRET@localhost/sparql", **options)  # type: ignore[arg-type]


def test_options_that_do_not_fit_the_kind_are_refused(files: dict[str, str]) -> None:
    with pytest.raises(UsageError, match="graph names a graph of an endpoint"):
        pull([SourceOptions(files["a"], graph="http://g")])
    with pytest.raises(UsageError, match="read whole"):
        pull([SourceOptions(files["t"], select="seeds", seeds=("dbr:A",))])
