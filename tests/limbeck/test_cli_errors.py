"""What goes wrong is told in one line, with the status that tells wrong use (2) from failure (1)."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from kg.snapshot import open_snapshot
from retrieval.encoder import DEFAULT_ENCODER, encoder_folder
from tests.command import flows_here as flows_here
from tests.command import limbeck, limbeck_process
from tests.loopback import Reply, serve
from tests.toy import TOY_NT

QUESTION = "Where was Ada Lovelace born?"
WRONG_USE = {
    "unknown option": (["status", "--nope"], "No such option: --nope"),
    "unknown command": (["bild"], "No such command 'bild'"),
    "missing argument": (["ask"], "Missing argument "),
    "no number": (["serve", "--port", "x"], "Invalid value for '--port'"),
    "no such port": (["serve", "--port", "99999"], "Invalid value for '--port'"),
    "no time": (["serve", "--timeout", "nan", "-w", "{small}"], "--timeout must be above 0"),
    "less than no time": (["serve", "--timeout", "-1", "-w", "{small}"], "--timeout must be above 0"),
    "two formats": (["sparql", "ASK {{}}", "--json", "--format", "csv", "-w", "{small}"], "are two formats"),
    "empty source": (["build", "-s", ""], "--source is empty"),
    "missing questions": (["build", "-s", "{tmp}/toy.nt", "--questions", "{tmp}/no.jsonl"], "no.jsonl cannot be read"),
    "missing questions, dry": (
        ["build", "--dry-run", "-s", "{tmp}/toy.nt", "--questions", "{tmp}/no.jsonl"],
        "no.jsonl cannot be read",
    ),
    "unknown step, dry": (["build", "--dry-run", "-s", "{tmp}/toy.nt", "--skip", "emb"], "'emb' is no step that can"),
    "unknown device": (["train", "--device", "tpu", "-w", "{small}"], "'tpu' is not one of 'auto', 'cpu', 'cuda'"),
    "missing questions to train on": (["train", "--questions", "{tmp}/no.jsonl", "-w", "{small}"], "no.jsonl cannot"),
    "missing questions of a file": (["distill", "-c", "{tmp}/asks.toml", "-w", "{small}"], "no.jsonl cannot be read"),
    "no source": (["build"], "there is no source. Give --source PATH_OR_URL"),
    "missing source": (["build", "-s", "{tmp}/none.nt"], "there is no file {tmp}/none.nt. A source is"),
    "unknown kind": (["build", "-s", "{tmp}/table.csv"], "table.csv is of no known kind. A source is an N-Triples"),
    "empty folder": (["build", "-s", "{tmp}/empty"], "holds no file of RDF"),
    "a file behind http": (["build", "-s", "http://a.org/b.nt"], "is the address of a file. Download it"),
    "unknown step": (["build", "-s", "{tmp}/toy.nt", "--skip", "emb"], "'emb' is no step that can be skipped"),
    "missing configuration": (["build", "-c", "{tmp}/no.toml"], "there is no configuration file {tmp}/no.toml"),
    "unknown key": (["build", "-c", "{tmp}/key.toml"], "train.syntetic is not an option; did you mean 'synthetic'?"),
    "not TOML": (["build", "-c", "{tmp}/table.csv"], "is not valid TOML"),
    "missing query": (["sparql", "@{tmp}/no.rq", "-w", "{small}"], "no.rq cannot be read: "),
    "unknown format": (["sparql", "ASK {{}}", "--format", "pdf", "-w", "{small}"], "the format 'pdf' is not known"),
    "unknown model": (["ask", "x", "--model", "oracle", "-w", "{small}"], "the model 'oracle' is not known; choose"),
    "unknown mode": (["ask", "x", "--mode", "magic", "-w", "{small}"], "magic"),
    "unknown entity": (["show", "Zaphod", "-w", "{small}"], "'Zaphod' is not in the graph"),
    "unknown evaluation": (["eval", "x", "--gold", "{tmp}/toy.nt", "-w", "{small}"], "'x' is nothing that can be"),
    "missing gold": (["eval", "answers", "--gold", "{tmp}/no.jsonl", "-w", "{small}"], "no.jsonl cannot be read"),
    "init twice": (["init", "{tmp}/there"], "limbeck.toml is there already"),
}
FAILURES = {
    "no workspace": (["status", "-w", "{tmp}/none"], "nothing has been built in {tmp}/none yet. Run `limbeck build"),
    "ask in no workspace": (["ask", "x", "-w", "{tmp}/none"], "nothing has been built in {tmp}/none yet"),
    "train in no workspace": (["train", "-w", "{tmp}/none"], "nothing has been built in {tmp}/none yet"),
    "refresh in no workspace": (["refresh", "-w", "{tmp}/none"], "nothing has been built in {tmp}/none yet"),
    "no student": (["ask", "x", "--model", "student", "-w", "{small}"], "has no student. Run `limbeck distill`"),
    "malformed SPARQL": (["sparql", "SELEKT ?s", "-w", "{small}"], "the query failed: "),
    "SERVICE": (["sparql", "SELECT * {{ SERVICE <http://a/> {{ ?s ?p ?o }} }}", "-w", "{small}"], "SERVICE is not"),
    "update": (["sparql", "DELETE WHERE {{ ?s ?p ?o }}", "-w", "{small}"], "DELETE is an update"),
    "unfit format": (["sparql", "ASK {{}}", "--format", "nt", "-w", "{small}"], "has no nt form; choose one of json"),
    "unwritable workspace": (["build", "-s", "{tmp}/toy.nt", "-w", "{tmp}/toy.nt/w"], "cannot be written: Not a dir"),
    "broken line": (["build", "-s", "{tmp}/broken.nt", "-w", "{tmp}/w"], "broken.nt, line 64: "),
    "no triple": (["build", "-s", "{tmp}/empty.nt", "-w", "{tmp}/w"], "the sources gave no triple at all"),
    "broken text": (["build", "-s", "{tmp}/toy.nt", "-s", "{tmp}/bad.jsonl", "-w", "{tmp}/w"], "bad.jsonl, line 1: "),
    "nobody listens": (["build", "-c", "{tmp}/down.toml", "-w", "{tmp}/w"], "http://127.0.0.1:9/sparql"),
    "no server": (["deploy", "--api-url", "http://127.0.0.1:9/api", "-w", "{small}"], "no Prefect server answers at"),
    "broken gold": (["eval", "answers", "--gold", "{tmp}/bad.jsonl", "-w", "{small}"], "bad.jsonl, line 1: "),
}


def edit_manifest(workspace: Path, **changes: Any) -> None:
    path = open_snapshot(workspace).folder / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | changes), "utf-8")


def place(tmp_path: Path) -> None:
    (tmp_path / "toy.nt").write_text(TOY_NT, "utf-8")
    (tmp_path / "broken.nt").write_text(TOY_NT + "<http://a> <http://b> \n", "utf-8")
    (tmp_path / "empty.nt").write_text("# nothing\n", "utf-8")
    (tmp_path / "bad.jsonl").write_text("{\n", "utf-8")
    (tmp_path / "table.csv").write_text("a,b\n", "utf-8")
    (tmp_path / "empty").mkdir()
    (tmp_path / "key.toml").write_text("[train]\nsyntetic = 3\n", "utf-8")
    (tmp_path / "down.toml").write_text('[[sources]]\nlocation = "http://127.0.0.1:9/sparql"\nretries = 0\n', "utf-8")
    (tmp_path / "asks.toml").write_text('questions = ["no.jsonl"]\n', "utf-8")
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "limbeck.toml").write_text("", "utf-8")


@pytest.mark.parametrize("words, said", WRONG_USE.values(), ids=WRONG_USE)
def test_wrong_use_is_one_line_and_status_2(words: list[str], said: str, tmp_path: Path, small_workspace: Path) -> None:
    place(tmp_path)
    done = limbeck(*(word.format(tmp=tmp_path, small=small_workspace) for word in words))
    assert said.format(tmp=tmp_path) in done.problem
    assert done.status == 2


@pytest.mark.usefixtures("flows_here")
@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
@pytest.mark.parametrize("command", ["train", "distill"])
def test_a_gpu_that_is_not_there_is_named_before_anything_starts(command: str, small_workspace: Path) -> None:
    done = limbeck(command, "--device", "cuda", "-w", small_workspace)
    assert "PyTorch finds no CUDA device" in done.problem
    assert done.status == 1


@pytest.mark.parametrize("words, said", FAILURES.values(), ids=FAILURES)
def test_a_failure_is_one_line_and_status_1(words: list[str], said: str, tmp_path: Path, small_workspace: Path) -> None:
    place(tmp_path)
    done = limbeck(*(word.format(tmp=tmp_path, small=small_workspace) for word in words))
    assert said.format(tmp=tmp_path) in done.problem
    assert done.status == 1


@pytest.mark.usefixtures("flows_here")
def test_an_endpoint_that_answers_html_is_named(tmp_path: Path) -> None:
    page = Reply(b"<html><body>Welcome</body></html>", headers={"Content-Type": "text/html"})
    with serve(lambda _: page) as server:
        done = limbeck("build", "-s", server.url, "-w", tmp_path / "w")
    assert server.url in done.problem
    assert "html" in done.problem.lower()
    assert done.status == 1


@pytest.mark.usefixtures("flows_here")
def test_a_workspace_that_nobody_may_write_is_named(toy: Path) -> None:
    assert "cannot be written" in limbeck("build", "-s", toy, "-w", "/proc/limbeck").problem  # even root may not


def test_another_encoder_than_the_workspaces_is_refused(copied: Path) -> None:
    made_by = open_snapshot(copied).manifest["encoder"]
    edit_manifest(copied, encoder={**made_by, "sha256": "0" * 64})
    done = limbeck("ask", QUESTION, "-w", copied)
    assert f"the encoder {made_by['name']} has other weights" in done.problem
    assert done.status == 1
    edit_manifest(copied, encoder={**made_by, "name": "nobody/knows-this"})
    assert (
        "the encoder 'nobody/knows-this' is neither a folder nor in the local"
        in limbeck("ask", "x", "-w", copied).problem
    )


@pytest.mark.usefixtures("flows_here")
def test_an_encoder_whose_weights_have_changed_is_refused(toy: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(encoder_folder(DEFAULT_ENCODER), tmp_path / "encoder")
    (tmp_path / "limbeck.toml").write_text('encoder = "encoder"\n', "utf-8")
    words = ("-c", tmp_path / "limbeck.toml", "-s", toy, "-w", tmp_path / "w", "--skip", "train", "--skip", "text")
    limbeck("build", *words, "--json").json()
    with open(folder / "model.safetensors", "r+b") as weights:
        weights.seek(-1, os.SEEK_END)
        last = weights.read(1)[0]
        weights.seek(-1, os.SEEK_END)
        weights.write(bytes([last ^ 1]))
    assert f"the encoder {folder} has other weights" in limbeck("ask", QUESTION, "-w", tmp_path / "w").problem
    assert "were made by" in limbeck("train", "-w", tmp_path / "w").problem


@pytest.mark.parametrize("words", [["--debug", "status"], ["status", "--debug"]])
def test_debug_shows_where_before_and_after_the_command(words: list[str], tmp_path: Path) -> None:
    done = limbeck_process(*words, "-w", tmp_path / "none")
    assert done.status == 1
    assert "Traceback" in done.err and "kg.errors.NoSnapshot" in done.err


def test_an_error_that_nobody_foresaw_is_one_line_too(copied: Path) -> None:
    (open_snapshot(copied).folder / "graph" / "s.npy").write_bytes(b"nothing")
    assert "(--debug shows where.)" in limbeck("show", "Paris", "-w", copied).problem
