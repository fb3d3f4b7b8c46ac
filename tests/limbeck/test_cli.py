import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from pathlib import Path

import pyoxigraph as ox
import pytest
import typer

from flows.config import commented_config, load_config
from generation.teach import write_questions
from kg.query_pool import QueryPool
from kg.snapshot import current_id, open_snapshot, point_to
from kg.terms import expand
from limbeck.cli import app
from tests.command import flows_here as flows_here
from tests.command import limbeck, limbeck_process
from tests.toy import CLEAN, DROPPED, ENTITIES, PREDICATES, TOY_NT
from tests.workspaces import TEXTS, toy_questions

COMMANDS = sorted(typer.main.get_command(app).commands)  # type: ignore[attr-defined]
QUESTION = "Where was Ada Lovelace born?"
ENDLESS = "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l . ?m ?n0 ?o . ?p ?q ?r . ?s ?t ?u }"
SELECT = "SELECT ?p ?o { dbr:Ada_Lovelace ?p ?o } ORDER BY ?p"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name: str) -> None:
    done = limbeck(name, "--help")
    assert (done.status, done.err) == (0, "")
    assert f"limbeck {name} [OPTIONS]" in done.out


def test_without_a_command_there_is_help() -> None:
    assert all(name in limbeck().out for name in COMMANDS)


@pytest.mark.usefixtures("flows_here")
def test_build_prints_its_report_and_the_readers_follow(toy: Path, tmp_path: Path) -> None:
    workspace = tmp_path / "w"
    built = limbeck("build", "-s", toy, "-w", workspace, "--skip", "embed", "--json").json()
    assert (built["triples"], built["entities"], built["predicates"]) == (len(CLEAN), ENTITIES, PREDICATES)
    assert built["dropped"] == DROPPED
    assert built["peak_rss_bytes"] > 1 << 20
    assert {"pull", "clean", "store"} <= set(built["duration_s"])
    told = limbeck("status", "-w", workspace, "--json").json()
    assert (told["snapshot"], told["live"], told["student"]) == (built["snapshot"], None, False)
    checked = limbeck("verify", "-w", workspace, "--json").json()
    assert (checked["snapshot"], checked["problems"]) == (built["snapshot"], [])
    refreshed = limbeck("refresh", "-w", workspace, "--json").json()
    assert (refreshed["triples"], refreshed["skipped"]) == (built["triples"], ["embed"])
    assert limbeck("rollback", "-w", workspace, "--json").json()["snapshot"] == built["snapshot"]
    assert "no snapshot before" in limbeck("rollback", "-w", workspace).problem


@pytest.mark.usefixtures("flows_here")
def test_text_reports_name_the_most_dropped_first(toy: Path, tmp_path: Path) -> None:
    out = limbeck("build", "-s", toy, "-w", tmp_path / "w", "--skip", "embed").out
    assert "dropped: 3 redirect, 1 dropped predicate, 1 duplicate" in out
    assert limbeck("status", "-w", tmp_path / "w").out.startswith("snapshot ")
    assert "both views of the graph agree" in limbeck("verify", "-w", tmp_path / "w").out


def test_build_in_a_process_of_its_own_prints_json_only(toy: Path, tmp_path: Path) -> None:
    done = limbeck_process("build", "-s", toy, "--skip", "train", "--json", LIMBECK_WORKSPACE=str(tmp_path / "w"))
    assert done.json()["triples"] == len(CLEAN)
    assert {line.split()[0] for line in done.err.splitlines()} <= {"read", "embed"}
    assert (tmp_path / "w" / "CURRENT").exists()


def test_dry_run_says_what_would_be_pulled(toy: Path, tmp_path: Path) -> None:
    (found,) = limbeck("build", "-s", toy, "-w", tmp_path / "w", "--dry-run", "--json").json()["sources"]
    assert (found["kind"], found["lines"], found["bytes"]) == ("dump", TOY_NT.count("\n"), len(TOY_NT.encode()))
    assert "toy.nt: kind dump" in limbeck("build", "-s", toy, "--dry-run", "-w", tmp_path / "w").out
    assert not (tmp_path / "w").exists()


@pytest.mark.usefixtures("flows_here")
def test_init_writes_a_configuration_that_builds(toy: Path, tmp_path: Path) -> None:
    assert limbeck("init", tmp_path / "new").status == 0
    path = tmp_path / "new" / "limbeck.toml"
    text = path.read_text("utf-8")
    assert text == commented_config()
    assert load_config(path).sources == ()
    path.write_text(text + '\n[[sources]]\nlocation = "../toy.nt"\nname = "the toy"\n', "utf-8")
    built = limbeck("build", "-c", path, "-w", tmp_path / "w", "--skip", "embed", "--json").json()
    assert built["triples"] == len(CLEAN)
    assert limbeck("status", "-w", tmp_path / "w", "--json").json()["sources"][0]["name"] == "the toy"


def test_ask_prints_an_answer_with_the_triples_that_show_it(small_workspace: Path) -> None:
    found = limbeck("ask", QUESTION, "-w", small_workspace, "--json").json()
    assert set(found) == {"answer", "answers", "evidence", "model", "snapshot", "duration_ms"}
    assert (found["model"], found["snapshot"]) == ("teacher", current_id(small_workspace))
    assert found["answers"] and set(found["answers"][0]) == {"value", "label", "score"}
    for piece in found["evidence"]:
        assert piece["triples"] and all(len(triple) == 3 for triple in piece["triples"])
        assert any("toy.nt line" in source for source in piece["sources"])
    text = limbeck("ask", QUESTION, "-w", small_workspace).out
    assert found["answer"] in text
    assert "toy.nt line" in text
    for mode in ("graph", "dense", "lexical"):
        assert limbeck("ask", QUESTION, "--mode", mode, "-w", small_workspace, "--json").json()["answers"]


def test_ask_in_a_process_of_its_own_prints_json_only(small_workspace: Path) -> None:
    done = limbeck_process("ask", QUESTION, "-w", small_workspace, "--json")
    assert done.json()["answers"]
    assert done.err == ""


def test_show_prints_both_directions(small_workspace: Path) -> None:
    found = limbeck("show", "dbr:London", "-w", small_workspace, "--json").json()
    assert (found["label"], found["types"]) == ("London", ["city"])
    around = {tuple(item["triple"]) for side in ("triples", "incoming") for item in found[side]}
    london = expand("dbr:London")
    bare = {tuple(term[1:-1] if term.startswith("<") else term for term in triple) for triple in CLEAN}
    assert {triple[:2] for triple in around} == {triple[:2] for triple in bare if london in (triple[0], triple[2])}
    text = limbeck("show", "London", "-w", small_workspace).out
    assert "Ada Lovelace · birth place · London" in text
    assert "said of it:" in text


def test_sparql_in_every_format_gives_the_same_rows(small_workspace: Path, tmp_path: Path) -> None:
    def run(query: str, form: str) -> str:
        done = limbeck("sparql", query, "--format", form, "-w", small_workspace)
        assert done.status == 0, done.err
        return done.out

    expected = sorted(p[1:-1] for s, p, _ in CLEAN if s == f"<{expand('dbr:Ada_Lovelace')}>")
    found = json.loads(run(SELECT, "json"))["results"]["bindings"]
    assert [row["p"]["value"] for row in found] == expected
    assert [row["p"] for row in csv.DictReader(io.StringIO(run(SELECT, "csv")))] == expected
    assert [line.split("\t")[0] for line in run(SELECT, "tsv").splitlines()[1:]] == [f"<{p}>" for p in expected]
    assert len(ET.fromstring(run(SELECT, "xml")).findall(".//{*}result")) == len(expected)  # noqa: S314
    assert "dbo:birthPlace" in run(SELECT, "table")
    assert run("ASK { dbr:Ada_Lovelace dbo:birthPlace dbr:London }", "table") == "yes\n"
    construct = "CONSTRUCT WHERE { dbr:Ada_Lovelace ?p ?o }"
    for form, syntax in {
        "nt": ox.RdfFormat.N_TRIPLES,
        "turtle": ox.RdfFormat.TURTLE,
        "xml": ox.RdfFormat.RDF_XML,
    }.items():
        assert len(list(ox.parse(run(construct, form), format=syntax))) == len(expected)
    assert "dbr:Ada_Lovelace" in run(construct, "table") and "dbo:birthPlace" in run(construct, "table")
    assert limbeck("sparql", SELECT, "--json", "-w", small_workspace).out == run(SELECT, "json")
    (tmp_path / "query.rq").write_text(SELECT, "utf-8")
    assert run(f"@{tmp_path / 'query.rq'}", "csv") == run(SELECT, "csv")


def test_a_table_shows_values_whole_and_never_as_markup(small_workspace: Path) -> None:
    values = ["[/foo]", "[bold]x[/bold]", ":smile:", "long " + "y" * 500]
    query = "SELECT ?v ?none { VALUES ?v { " + " ".join(f'"{value}"' for value in values) + " } }"
    out = limbeck("sparql", query, "-w", small_workspace).out
    assert [line.strip() for line in out.splitlines() if line][-4:] == values


def test_a_query_has_limits_and_harms_no_process(small_workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = "ASK " + "{" * 20_000 + "}" * 20_000
    assert "nested too deeply" in limbeck("sparql", deep, "-w", small_workspace).problem
    monkeypatch.setitem(QueryPool.__init__.__kwdefaults__ or {}, "timeout_s", 0.5)
    assert "longer than 0.5 s" in limbeck("sparql", ENDLESS, "-w", small_workspace).problem


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_an_interrupt_ends_a_query(small_workspace: Path) -> None:
    words = [sys.executable, "-m", "limbeck.cli", "sparql", ENDLESS, "-w", str(small_workspace)]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True, start_new_session=True) as process:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        for _ in range(600):
            if children.read_text():  # the query's process
                break
            time.sleep(0.1)
        time.sleep(1)
        assert process.poll() is None
        os.killpg(process.pid, signal.SIGINT)
        _, said = process.communicate(timeout=20)
        assert process.returncode == 1
        assert said.startswith("limbeck: stopped.")
        with pytest.raises(ProcessLookupError):  # no process of the query is left
            os.killpg(process.pid, 0)


def test_link_and_relate_turn_texts_into_lines(small_workspace: Path, tmp_path: Path) -> None:
    file = tmp_path / "texts.jsonl"
    lines = [json.dumps({"id": str(i), "text": text}) for i, text in enumerate(TEXTS)]
    file.write_text("\n".join(lines), "utf-8")
    linked = [json.loads(line) for line in limbeck("link", file, "-w", small_workspace).out.splitlines()]
    assert [(line["id"], line["text"]) for line in linked] == [(str(i), text) for i, text in enumerate(TEXTS)]
    (first, second) = linked[0]["mentions"]
    assert TEXTS[0][first["start"] : first["end"]] == "Marie Curie"
    assert (first["iri"], second["iri"]) == (expand("dbr:Marie_Curie"), expand("dbr:Warsaw"))
    related = [json.loads(line) for line in limbeck("relate", file, "-w", small_workspace).out.splitlines()]
    for line in related:
        assert len(line["triples"]) == len(line["scores"]) == len(line["spans"])


def test_link_reads_standard_input(small_workspace: Path) -> None:
    line = json.dumps({"id": "a", "text": TEXTS[0]})
    done = limbeck_process("link", "-w", small_workspace, stdin=line + "\n")
    assert done.json()["id"] == "a"
    assert limbeck_process("link", "-w", small_workspace, stdin="").out == ""
    assert "line 1: expected one JSON object" in limbeck_process("link", "-w", small_workspace, stdin="x\n").problem


def test_eval_prints_metrics_beside_baselines(small_workspace: Path, tmp_path: Path) -> None:
    write_questions(tmp_path / "gold.jsonl", toy_questions())
    found = limbeck(
        "eval", "answers", "--gold", tmp_path / "gold.jsonl", "--limit", 3, "-w", small_workspace, "--json",
        "--predictions", tmp_path / "said.jsonl",
    ).json()  # fmt: skip
    assert found["n"] == 3
    assert {"hits@1", "f1", "mrr", "exact_match", "intervals", "baselines", "model", "snapshot"} <= set(found)
    assert len((tmp_path / "said.jsonl").read_text("utf-8").splitlines()) == 3


def test_verify_names_what_is_damaged(copied: Path) -> None:
    store = next((open_snapshot(copied).folder / "graph").glob("p.npy"))
    store.write_bytes(store.read_bytes()[:-4] + b"\0\0\0\7")
    done = limbeck("verify", "-w", copied)
    assert done.status == 1
    assert "graph/p.npy has changed" in done.out
    assert "limbeck: " in done.err and "Run `limbeck rollback`" in done.err


def test_a_damaged_snapshot_is_told_by_status_and_left_by_rollback(copied: Path) -> None:
    name = current_id(copied)
    point_to(copied, "19990101")
    told = limbeck("status", "-w", copied, "--json").json()
    assert "has no snapshot 19990101" in told["problem"] and "limbeck rollback" in told["problem"]
    assert (told["snapshot"], told["snapshots"], told["counts"]) == ("19990101", [name], None)
    out = limbeck("status", "-w", copied).out
    assert "does not open" in out and f"there is snapshot {name}" in out
    assert limbeck("rollback", "-w", copied, "--json").json()["snapshot"] == name == current_id(copied)
    (open_snapshot(copied).folder / "manifest.json").write_text("{", "utf-8")
    assert "is damaged" in limbeck("status", "-w", copied).out
    assert "no whole snapshot before" in limbeck("rollback", "-w", copied).problem


@pytest.mark.usefixtures("flows_here")
def test_train_distill_and_promote_print_json(copied: Path, tmp_path: Path) -> None:
    (tmp_path / "small.toml").write_text(
        "[distill]\nencoder_layers = 1\nexamples = 8\nbatch_size = 4\nkeep_quality = 0.0\n", "utf-8"
    )
    config = ("-c", tmp_path / "small.toml", "-w", copied, "--json")
    assert "Run `limbeck distill` first" in limbeck("promote", "-w", copied).problem
    before = open_snapshot(copied).manifest["config"]
    assert limbeck("distill", "--device", "cpu", *config).json()["distillation"]["examples"] > 0
    after = open_snapshot(copied).manifest["config"]
    assert after["sources"] == before["sources"]
    assert (before["distill"]["encoder_layers"], after["distill"]["encoder_layers"]) == (3, 1)
    report = limbeck("promote", *config).json()
    assert report["passed"] and report["snapshot"] == current_id(copied)
    assert limbeck("ask", QUESTION, "-w", copied, "--json").json()["model"] == "student"
    back = limbeck("rollback", "-w", copied, "--json").json()
    assert (back["live"], back["student"]) == ("teacher", True)
