import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyoxigraph as ox
import pytest

import limbeck
from distill import distil
from flows import pipeline
from flows.config import config_from
from generation.teach import HELD_OUT
from kg.errors import ConfigError, ModelError, NoSnapshot, SnapshotError
from kg.snapshot import current_id, open_snapshot, snapshot_ids
from kg.terms import expand
from kg.verify import verify
from limbeck.endpoint import serve_dump
from limbeck.jobs import report, rollback, status, status_lines
from limbeck.render import gate_lines
from retrieval.question import Question, read_questions
from tests.builds import LESS_NT, TEXTS, UNSAID, Run, toy
from tests.loopback import serve_oxigraph
from tests.toy import ADDED, CLEAN, DISTINCT, DROPPED, ENTITIES, PREDICATES, TOY_NT, triples_of
from tests.virtuoso import Virtuoso


def test_the_counts_add_up(built: Path) -> None:
    counts = open_snapshot(built).manifest["counts"]
    assert counts["pulled"] == DISTINCT - 1
    assert counts["added"] == ADDED
    assert counts["dropped"] == DROPPED
    assert counts["extracted"] == 1
    assert counts["pulled"] + counts["added"] + counts["extracted"] - sum(DROPPED.values()) == counts["triples"]
    assert (counts["entities"], counts["predicates"], counts["documents"]) == (ENTITIES, PREDICATES, len(TEXTS))
    kb = limbeck.open(built)
    assert {kb.graph.triple(row) for row in range(len(kb.graph))} == CLEAN
    assert not verify(kb.snapshot)


def test_the_manifest_tells_what_was_done(built: Path) -> None:
    manifest = open_snapshot(built).manifest
    assert (manifest["live"], manifest["previous"], manifest["skipped"]) == ("teacher", None, [])
    assert set(manifest["duration_s"]) == {"estimate", "pull", "keep", "clean", "text", "store", "embed", "train"}
    assert [source["kind"] for source in manifest["sources"]] == ["dump", "text"]
    assert not list((built / "building").iterdir())
    assert not (built / "pulls").exists()
    assert set(report(manifest)) >= {
        "snapshot",
        "pulled",
        "triples",
        "entities",
        "predicates",
        "dropped",
        "duration_s",
        "peak_rss_bytes",
    }


def test_a_triple_read_from_text_is_traced_to_its_characters(built: Path) -> None:
    kb = limbeck.open(built)
    read = [
        (kb.graph.triple(row), origin)
        for row in range(len(kb.graph))
        for origin in kb.provenance.of(row)
        if origin.kind == "text"
    ]
    assert UNSAID in [triple for triple, _ in read]
    texts = {f"text-{i}": text for i, text in enumerate(TEXTS)}
    for (s, _, o), origin in read:
        assert origin.document is not None
        quote = kb.provenance.quote(origin)
        assert quote == texts[origin.document][origin.start : origin.end]
        names = [kb.graph.label_of(kb.graph.id_of(term[1:-1])).split(" (")[0] for term in (s, o)]
        assert quote is not None
        assert all(name in quote for name in names)


def test_without_text_the_graph_is_the_clean_one(run: Run, config: Path, tmp_path: Path) -> None:
    manifest = run("build", tmp_path, config=str(config), skip=["text", "train"])
    kb = limbeck.open(tmp_path)
    assert {kb.graph.triple(row) for row in range(len(kb.graph))} == CLEAN - {UNSAID}
    assert manifest["counts"]["documents"] == 0
    assert "live" not in manifest and status(tmp_path)["live"] is None
    assert "no model is trained, see `limbeck train`" in "\n".join(status_lines(status(tmp_path)))
    with pytest.raises(ModelError, match="Build with a text source"):
        kb.relate("Marie Curie was born in Warsaw.")
    with pytest.raises(ModelError, match=r"its build skipped training\. Run `limbeck train`"):
        kb.ask("Where was Ada Lovelace born?", model="teacher")
    answer = kb.ask("Where was Ada Lovelace born?")
    assert (answer.text, answer.model) == ("London", "retriever")
    assert kb.retrieve("Where was Ada Lovelace born?")
    with pytest.raises(ModelError, match="skipped training"):
        run("distill", tmp_path)


def test_without_cleaning_the_graph_is_what_the_source_says(run: Run, tmp_path: Path) -> None:
    manifest = run("build", tmp_path / "w", sources=toy(tmp_path), skip=["clean", "text", "embed"])
    counts = manifest["counts"]
    assert (counts["pulled"], counts["triples"], counts["dropped"]) == (DISTINCT, DISTINCT, {})
    store = limbeck.open(tmp_path / "w").store
    assert sum(1 for _ in store) == DISTINCT
    assert not verify(open_snapshot(tmp_path / "w"))


def test_without_indexes_only_questions_fail(run: Run, tmp_path: Path) -> None:
    run("build", tmp_path / "w", sources=toy(tmp_path), skip=["embed"])
    kb = limbeck.open(tmp_path / "w")
    assert kb.entity("Ada Lovelace").iri == expand("dbr:Ada_Lovelace")
    for asked in (kb.ask, kb.retrieve):
        with pytest.raises(SnapshotError, match=r"its build skipped embedding\. Build without `--skip embed`"):
            asked("Where was Ada Lovelace born?")
    with pytest.raises(SnapshotError, match="skipped embedding"):
        run("train", tmp_path / "w")


def test_an_unknown_step_or_no_source_is_refused(run: Run, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="'everything' is no step that can be skipped; choose from text, clean"):
        run("build", tmp_path / "w", sources=toy(tmp_path), skip=["everything"])
    with pytest.raises(ConfigError, match="there is no source"):
        run("build", tmp_path / "w")
    assert not (tmp_path / "w").exists()


def test_the_same_sources_give_the_same_graph(run: Run, built: Path, tmp_path: Path) -> None:
    found = [run("build", tmp_path / "w", sources=toy(tmp_path), skip=["embed"]) for _ in range(2)]
    assert found[0]["graph_sha256"] == found[1]["graph_sha256"]
    assert found[1]["previous"] == found[0]["id"]
    graph = [name for name in found[0]["files"] if name.startswith(("graph/", "aliases/", "merges/", "provenance/"))]
    assert [found[0]["files"][name] for name in graph] == [found[1]["files"][name] for name in graph]


def test_refresh_takes_what_changed_and_keeps_the_models(run: Run, copied: Path, config: Path, tmp_path: Path) -> None:
    source = tmp_path / "sources"
    shutil.copytree(config.parent, source)
    (source / "limbeck.toml").write_text(config.read_text("utf-8").replace(str(config.parent), str(source)), "utf-8")
    (new,) = triples_of("dbr:Paris|dbo:twinCity|dbr:London")
    (source / "toy.nt").write_text(LESS_NT + "{} {} {} .\n".format(*new), "utf-8")
    before = limbeck.open(copied)
    models = {k: v for k, v in before.snapshot.manifest["files"].items() if k.startswith("models/")}
    after = run("refresh", copied, config=str(source / "limbeck.toml"))
    assert after["counts"]["triples"] == before.snapshot.manifest["counts"]["triples"] + 1
    assert {k: v for k, v in after["files"].items() if k.startswith("models/")} == models
    assert "train" not in after["duration_s"]
    assert after["training"] == before.snapshot.manifest["training"]
    assert after["previous"] == before.snapshot.id
    assert (
        before.entity("dbr:Paris").triples
        == limbeck.open(built_at(copied, before.snapshot.id)).entity("dbr:Paris").triples
    )
    assert limbeck.open(copied).ask("Where was Ada Lovelace born?").snapshot == after["id"]


def built_at(workspace: Path, snapshot_id: str) -> Path:
    """A workspace whose current snapshot is this one of another workspace's."""
    other = workspace.with_name("then")
    shutil.copytree(workspace, other)
    (other / "CURRENT").write_text(snapshot_id, "utf-8")
    return other


def test_a_failed_refresh_leaves_everything_as_it_was(run: Run, copied: Path, config: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.nt").write_text(TOY_NT + "<http://a> broken\n", "utf-8")
    before = current_id(copied)
    (tmp_path / "limbeck.toml").write_text('[[sources]]\nlocation = "broken.nt"\n', "utf-8")
    with pytest.raises(Exception, match=r"broken\.nt, line 64"):
        run("refresh", copied, config=str(tmp_path / "limbeck.toml"))
    assert (current_id(copied), snapshot_ids(copied)) == (before, [before])
    assert not list((copied / "building").glob("*"))


def test_a_student_goes_live_through_the_gate_and_back(run: Run, copied: Path, config: Path, tmp_path: Path) -> None:
    teacher = open_snapshot(copied)
    with pytest.raises(ModelError, match="Run `limbeck distill` first"):
        run("promote", copied)
    with pytest.raises(NoSnapshot, match="no snapshot before"):
        rollback(copied)

    distilled = run("distill", copied, config=str(config))
    assert (distilled["live"], distilled["previous"]) == ("teacher", teacher.id)
    assert distilled["counts"] == teacher.manifest["counts"]
    kb = limbeck.open(copied)
    assert kb.ask("Where was Ada Lovelace born?").model == "teacher"
    assert kb.ask("Where was Ada Lovelace born?", model="student").model == "student"

    told = run("promote", copied)
    assert told["passed"], told["reasons"]
    promoted = open_snapshot(copied)
    assert (promoted.id, promoted.manifest["live"]) == (told["snapshot"], "student")
    assert promoted.manifest["gate"]["student"]["megabytes"] < promoted.manifest["gate"]["teacher"]["megabytes"]
    assert limbeck.open(copied).ask("Where was Ada Lovelace born?").model == "student"
    assert not verify(promoted)

    again = run("promote", copied)
    assert (again["already"], again["snapshot"], current_id(copied)) == (True, promoted.id, promoted.id)
    assert "already; nothing was published" in gate_lines(again)[-1]
    assert len(snapshot_ids(copied)) == 3

    assert rollback(copied)["live"] == "teacher"
    assert current_id(copied) == distilled["id"]
    assert rollback(copied)["snapshot"] == teacher.id

    large = config.read_text("utf-8").replace("encoder_layers = 1", "encoder_layers = 6")
    (tmp_path / "large.toml").write_text(large, "utf-8")
    unfit = run("distill", copied, config=str(tmp_path / "large.toml"))
    told = run("promote", copied)
    assert not told["passed"]
    assert any("not smaller" in reason for reason in told["reasons"])
    assert (current_id(copied), open_snapshot(copied).manifest["live"]) == (unfit["id"], "teacher")
    assert "snapshot" not in told
    assert run("evaluate", copied)["snapshot"] == unfit["id"]


def test_no_student_learns_about_what_the_gate_asks(copied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor in other words."""
    asked: list[Question] = []
    learn = distil.distil

    def note(folder: Path, retriever: Any, teacher: Any, questions: Any, options: Any, **more: Any) -> Any:
        asked.extend(questions)
        return learn(folder, retriever, teacher, questions, options, **more)

    monkeypatch.setattr(distil, "distil", note)
    snapshot = open_snapshot(copied)
    config = config_from(snapshot.manifest["config"])
    config = replace(config, distill=replace(config.distill, seed=1, examples=64))
    pipeline.distil_student(snapshot.folder, config, [])
    about = {question.entities[0] for question in read_questions(snapshot.folder / "models" / HELD_OUT)}
    assert about and asked
    assert about.isdisjoint(iri for question in asked for iri in question.entities)


def test_an_endpoint_gives_the_same_graph_as_the_file(run: Run, tmp_path: Path) -> None:
    skip = ["text", "embed"]
    from_file = run("build", tmp_path / "file", sources=toy(tmp_path), skip=skip)
    store = ox.Store()
    store.bulk_load(TOY_NT.encode(), format=ox.RdfFormat.N_TRIPLES)
    with serve_oxigraph(store, max_rows=20) as limited, serve_dump([tmp_path / "toy.nt"]) as full:
        for name, url in {"limited": limited.url, "full": full}.items():
            (tmp_path / f"{name}.toml").write_text(
                f'[[sources]]\nlocation = "{url}"\nname = "toy"\npage_size = {20 if name == "limited" else 10_000}\n'
            )
            found = run("build", tmp_path / name, config=str(tmp_path / f"{name}.toml"), skip=skip)
            assert found["counts"] == from_file["counts"]
            assert found["graph_sha256"] == from_file["graph_sha256"]
            assert not (tmp_path / name / "pulls").exists()
    cited = limbeck.open(tmp_path / "full").entity("dbr:Ada_Lovelace").triples[0].sources
    assert cited[0].startswith("toy slice ")


@pytest.mark.virtuoso
def test_virtuoso_gives_what_its_own_count_says(run: Run, virtuoso: Virtuoso, tmp_path: Path) -> None:
    many = "".join(f"<http://a/{i % 700}> <http://a/p{i % 3}> <http://a/o{i}> .\n" for i in range(12_000))
    (tmp_path / "many.nt").write_text(TOY_NT + many, "utf-8")
    virtuoso.load(tmp_path / "many.nt", "http://build/")
    (tmp_path / "limbeck.toml").write_text(f'[[sources]]\nlocation = "{virtuoso.url}"\ngraph = "http://build/"\n')
    skip = ["clean", "text", "embed"]
    found = run("build", tmp_path / "w", config=str(tmp_path / "limbeck.toml"), skip=skip)
    counted = virtuoso.run("SPARQL SELECT (COUNT(*) AS ?n) FROM <http://build/> WHERE { ?s ?p ?o };")
    assert str(found["counts"]["pulled"]) in counted.split()
    from_file = run("build", tmp_path / "file", sources=[str(tmp_path / "many.nt")], skip=skip)
    assert found["counts"] == from_file["counts"]
    assert found["graph_sha256"] == from_file["graph_sha256"]
