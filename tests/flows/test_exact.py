"""What a snapshot holds depends on what the sources say, not on how they came: removal equals a build without, the
order of lines does not matter, and what was kept gives what was read."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flows import pipeline
from flows.config import Config
from kg.clean import CleanOptions, clean
from kg.errors import UsageError
from kg.snapshot import open_snapshot
from kg.sources import SourceOptions, pull, read_pulled, without, write_pulled
from kg.terms import OWL_SAME_AS, RDF_TYPE, RDFS_LABEL, REDIRECTS
from tests.toy import RAW, TOY_NT

_NODES = [f"<http://dbpedia.org/resource/{name}>" for name in "ABCDE"] + ["_:b0", "_:b1", "<http://w/Q1>"]
_PREDICATES = [REDIRECTS, OWL_SAME_AS, RDFS_LABEL, RDF_TYPE, "<http://dbpedia.org/ontology/p>"]
_OBJECTS = [*_NODES, '"A"@en', '"05"^^<http://www.w3.org/2001/XMLSchema#integer>', "<http://dbpedia.org/ontology/C>"]
_TRIPLES = st.lists(
    st.tuples(st.sampled_from(_NODES), st.sampled_from(_PREDICATES), st.sampled_from(_OBJECTS)), min_size=1, max_size=12
)
_ALWAYS = ("<http://dbpedia.org/resource/A>", "<http://dbpedia.org/ontology/p>", "<http://dbpedia.org/resource/B>")
PLACES = ("record.npy",)
"""Files that follow the order of the lines: where each triple stands."""


def write_lines(path: Path, triples: list[tuple[str, str, str]]) -> SourceOptions:
    path.write_text("".join(f"{s} {p} {o} .\n" for s, p, o in triples), "utf-8")
    return SourceOptions(str(path), name=path.stem)


def views(folder: Path, pulled, config: Config) -> dict[str, str]:  # type: ignore[no-untyped-def]
    """The hash of each file that publishing writes, and of the store's sorted lines in place of its files."""
    shutil.rmtree(folder, ignore_errors=True)
    cleaned = clean(pulled.statements, config.clean)
    facts = pipeline.publish_graph(folder, cleaned, pipeline.no_texts(pulled, cleaned), config)
    write_pulled(folder, pulled)
    found = {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "store" not in path.parts
    }
    return {**found, "store": store_hash(folder / "store"), "facts": str(facts)}


def store_hash(folder: Path) -> str:
    from kg.store import open_store

    lines = sorted(str(quad.triple) for quad in open_store(folder))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(_TRIPLES, min_size=2, max_size=3), st.data())
def test_removing_a_source_equals_a_build_without_it(tmp_path: Path, graphs, data) -> None:  # type: ignore[no-untyped-def]
    sources = [write_lines(tmp_path / f"{n}.nt", [_ALWAYS, *triples]) for n, triples in enumerate(graphs)]
    gone = data.draw(st.integers(0, len(sources) - 1))
    config = Config()
    whole = pull(sources)
    write_pulled(tmp_path / "kept", whole)
    kept = read_pulled(tmp_path / "kept", [{"name": i.name, "kind": i.kind, **i.details} for i in whole.infos])
    shutil.rmtree(tmp_path / "kept")
    left = without(sources, kept, sources[gone].label)
    others = [source for place, source in enumerate(sources) if place != gone]
    assert list(left.sources) == others
    assert views(tmp_path / "left", left.pulled, config) == views(tmp_path / "anew", pull(others), config)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.randoms(use_true_random=False))
def test_the_order_of_lines_changes_nothing_but_their_numbers(tmp_path: Path, draw) -> None:  # type: ignore[no-untyped-def]
    one = views(tmp_path / "one", pull([write_lines(tmp_path / "a.nt", list(RAW))]), Config())
    lines = list(RAW)
    draw.shuffle(lines)
    two = views(tmp_path / "two", pull([write_lines(tmp_path / "a.nt", lines)]), Config())
    follows = {name for name in one if name.endswith(PLACES) or name.startswith(("pulled/", "provenance/sources"))}
    assert {name: one[name] for name in one.keys() - follows - {"facts"}} == {
        name: two[name] for name in two.keys() - follows - {"facts"}
    }


def test_a_document_is_taken_out_and_stays_out(tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text('{"id": "x", "text": "X."}\n{"id": "y", "text": "Y."}\n')
    sources = [write_lines(tmp_path / "a.nt", [_ALWAYS]), SourceOptions(str(tmp_path / "t.jsonl"))]
    left = without(sources, pull(sources), "x")
    again = pull(left.sources)
    assert left.sources[1].without == ("x",)
    assert again.documents == left.pulled.documents == pull(sources).documents[1:]
    assert again.infos == left.pulled.infos
    assert left.removed == "document x"


def test_what_fits_nothing_or_more_than_one_thing_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text('{"id": "a", "text": "X."}\n')
    sources = [write_lines(tmp_path / "a.nt", [_ALWAYS]), SourceOptions(str(tmp_path / "t.jsonl"), name="texts")]
    pulled = pull(sources)
    with pytest.raises(UsageError, match=r"no source and no document is called 'b'\. The sources are: a, texts"):
        without(sources, pulled, "b")
    with pytest.raises(UsageError, match="more than one source or document is called 'a'"):
        without(sources, pulled, "a")


def test_a_dump_that_has_not_changed_is_not_read_again(tmp_path: Path) -> None:
    source = write_lines(tmp_path / "a.nt", [_ALWAYS])
    first = pull([source])
    known = {source: (first.statements, first.infos[0])}
    (tmp_path / "a.nt").touch()
    again = pull([source], known=known)
    assert again.infos[0] is first.infos[0]
    assert again.statements.frame().equals(first.statements.frame())
    write_lines(tmp_path / "a.nt", [_ALWAYS, (*_ALWAYS[:2], "<http://w/Q2>")])
    assert pull([source], known=known).statements.frame()["o"].to_list() == [_ALWAYS[2], "<http://w/Q2>"]


def test_an_iri_that_is_kept_apart_is_not_merged() -> None:
    from tests.toy import statements_of

    paris, q90 = "<http://dbpedia.org/resource/Paris>", "<http://www.wikidata.org/entity/Q90>"
    made = clean(statements_of(RAW), CleanOptions(apart=("http://www.wikidata.org/entity/Q90",)))
    assert not made.merges.filter((pl.col("from") == q90) | (pl.col("to") == q90)).height
    assert made.dropped["unmerged"] == 1
    triples = set(made.statements.frame().select("s", "p", "o").rows())
    assert (q90, RDFS_LABEL, '"City of Light"@en') in triples
    assert (paris, RDFS_LABEL, '"Paris"@en') in triples


def test_the_number_of_threads_changes_nothing(tmp_path: Path) -> None:
    lines = [f"<http://a/{i % 997}> <http://a/p{i % 13}> <http://a/{i * 7 % 1999}> .\n" for i in range(20_000)]
    (tmp_path / "a.nt").write_text("".join(lines) + TOY_NT, "utf-8")
    found = []
    for threads in ("1", "4"):
        workspace = tmp_path / threads
        command = [sys.executable, "-m", "limbeck.cli", "build", "-w", str(workspace), "-s", str(tmp_path / "a.nt")]
        environment = {**os.environ, "POLARS_MAX_THREADS": threads, "OMP_NUM_THREADS": threads}
        skipped = ["--skip", "text", "--skip", "embed", "--skip", "train"]
        subprocess.run([*command, *skipped], check=True, capture_output=True, env=environment)
        found.append(open_snapshot(workspace).manifest["parts"])
    assert found[0] == found[1]
    assert set(found[0]) == {"aliases", "graph", "merges", "provenance", "pulled", "store"}
