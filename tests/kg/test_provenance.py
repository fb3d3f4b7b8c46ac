from pathlib import Path

import polars as pl
import pytest

from kg.clean import CleanOptions, finish
from kg.provenance import Provenance, write_provenance
from kg.sources import SourceOptions, pull
from kg.statements import SCHEMA, Statements
from kg.types import Document, SourceInfo
from tests.toy import CLEAN, statements_of

A = ("<http://a/s>", "<http://a/p>", "<http://a/o>")
B = ("<http://a/s>", "<http://a/q>", "<http://a/o>")
SENTENCE = "Ada Lovelace was born in London."
INFOS = [
    SourceInfo("dumps/graph-100k.nt.gz", "dump", {"sha256": "00"}),
    SourceInfo("http://localhost:8890/sparql", "endpoint"),
    SourceInfo("texts.jsonl", "text"),
]
ROWS = [
    (*B, 0, 17, -1, -1, 1.0),
    (*A, 2, 1, 6, 31, 0.83),
    (*A, 1, 3, -1, -1, 1.0),
]


@pytest.fixture
def provenance(tmp_path: Path) -> Provenance:
    statements = Statements.of(pl.DataFrame(ROWS, schema=SCHEMA, orient="row"))
    documents = [Document("doc-00", "Nothing."), Document("doc-01", f"Über: {SENTENCE}")]
    made = finish(statements, CleanOptions())
    write_provenance(tmp_path, made.support, INFOS, documents)
    return Provenance.open(tmp_path)


def test_each_place_is_told_in_words(provenance: Provenance) -> None:
    assert len(provenance) == 2
    assert [origin.where for origin in provenance.of(0)] == [
        "http://localhost:8890/sparql slice 3",
        "document doc-01, characters 6 to 31, confidence 0.83",
    ]
    assert [origin.where for origin in provenance.of(1)] == ["graph-100k.nt.gz line 17"]


def test_an_origin_has_its_fields(provenance: Provenance) -> None:
    page, text = provenance.of(0)
    assert (page.source, page.kind, page.record, page.document) == (INFOS[1].name, "endpoint", 3, None)
    assert (text.source, text.document, text.start, text.end) == ("texts.jsonl", "doc-01", 6, 31)
    assert text.confidence == pytest.approx(0.83)
    assert provenance.sources == INFOS


def test_a_citation_quotes_the_sentence(provenance: Provenance) -> None:
    page, text = provenance.of(0)
    assert provenance.quote(text) == "Ada Lovelace was born in "
    assert provenance.quote(page) is None


def test_a_row_outside_is_an_error(provenance: Provenance) -> None:
    for row in (-1, 2):
        with pytest.raises(IndexError, match="2 triples"):
            provenance.of(row)


def test_every_triple_of_a_graph_leads_back_to_its_line(tmp_path: Path) -> None:
    lines = sorted(CLEAN)
    made = finish(statements_of(lines), CleanOptions())
    provenance = write_provenance(tmp_path, made.support, [SourceInfo("toy.nt", "dump")], [])
    for row, triple in enumerate(made.triples.frame().select("s", "p", "o").rows()):
        assert [lines[origin.record - 1] for origin in provenance.of(row)] == [triple]


@pytest.mark.parametrize("name", [None, "mine"])
def test_a_triple_of_a_folder_is_cited_by_its_file_and_place_there(tmp_path: Path, name: str | None) -> None:
    folder = tmp_path / "dumps"
    (folder / "b").mkdir(parents=True)
    (folder / "a.nt").write_text("# first\n<http://a/1> <http://a/p> <http://a/o> .\n")
    (folder / "b" / "0.nt").write_text("")
    (folder / "b" / "c.ttl").write_text("\n\n<http://a/2> <http://a/p> <http://a/o> ;\n <http://a/q> 3 .\n")
    (folder / "d.nt").write_text("<http://a/3> <http://a/p> <http://a/o> .\n")
    pulled = pull([SourceOptions(str(folder), name=name), SourceOptions(str(folder / "b" / "c.ttl"))])
    made = finish(pulled.statements, CleanOptions())
    provenance = write_provenance(tmp_path / "made", made.support, pulled.infos, [])
    label = name or "dumps"
    assert [[origin.where for origin in provenance.of(row)] for row in range(4)] == [
        [f"{label}/a.nt line 2"],
        [f"{label}/b/c.ttl statement 1", "c.ttl statement 1"],
        [f"{label}/b/c.ttl statement 2", "c.ttl statement 2"],
        [f"{label}/d.nt line 1"],
    ]
