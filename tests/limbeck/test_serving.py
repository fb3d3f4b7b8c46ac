import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from kg.errors import NoSnapshot
from kg.snapshot import current_id, open_snapshot, point_to
from limbeck.endpoint import serving
from limbeck.serving import Live, workspace_app

COUNT = "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }"


@pytest.fixture
def workspace(small_workspace: Path, tmp_path: Path) -> Path:
    """A copy with a second snapshot, which says that the student is in charge."""
    target = tmp_path / "workspace"
    shutil.copytree(small_workspace, target)
    first = open_snapshot(target)
    second = target / "snapshots" / f"{first.id}-second"
    shutil.copytree(first.folder, second)
    manifest = {**first.manifest, "id": second.name, "live": "student"}
    (second / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    return target


@pytest.fixture
def live(workspace: Path) -> Iterator[Live]:
    live = Live(workspace, workers=1)
    yield live
    live.close()


def second_of(workspace: Path) -> str:
    return f"{current_id(workspace)}-second"


def test_the_service_asks_queries_and_tells_what_it_serves(small_workspace: Path) -> None:
    app, _ = workspace_app(small_workspace)
    with serving(app) as base, httpx.Client(base_url=base, timeout=120, trust_env=False) as client:
        health = client.get("/health").json()
        assert (health["status"], health["snapshot"]) == ("ok", current_id(small_workspace))
        assert (health["model"], health["counts"]["triples"]) == ("teacher", 54)
        answer = client.get("/ask", params={"question": "Where was Ada Lovelace born?"}).json()
        assert {"answer", "answers", "evidence", "model", "snapshot", "duration_ms"} <= answer.keys()
        assert client.get("/ask", params={"question": "Where?", "model": "oracle"}).status_code == 400
        rows = client.get("/sparql", params={"query": COUNT}).json()["results"]["bindings"]
        assert rows[0]["n"]["value"] == "54"


def test_questions_from_many_threads_are_answered_as_from_one(live: Live) -> None:
    questions = ["Where was Ada Lovelace born?", "What is the capital of Poland?"] * 4
    alone = {text: live.ask(text, None, None)["answers"] for text in questions[:2]}
    answers: dict[int, object] = {}

    def ask(place: int) -> None:
        answers[place] = live.ask(questions[place], None, None)["answers"]

    threads = [threading.Thread(target=ask, args=(place,)) for place in range(len(questions))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert [answers[place] for place in range(len(questions))] == [alone[text] for text in questions]


def test_another_current_snapshot_goes_live_with_the_next_request(workspace: Path, live: Live) -> None:
    first = live.health()["snapshot"]
    second = second_of(workspace)
    point_to(workspace, second)
    assert (live.health()["snapshot"], live.health()["model"]) == (second, "student")
    assert b"54" in live.query(COUNT, "csv")
    point_to(workspace, first)
    assert live.health()["snapshot"] == first


def test_a_request_in_flight_keeps_its_snapshot(workspace: Path, live: Live) -> None:
    first, second = live.health()["snapshot"], second_of(workspace)
    with live._current() as session:
        point_to(workspace, second)
        assert live.health()["snapshot"] == second
        assert session.kb.snapshot.id == first
        assert b"54" in session.pool.run(COUNT, "csv")
    assert session.pool._idle.empty()


def test_a_snapshot_that_does_not_open_leaves_the_old_one_in_charge(workspace: Path) -> None:
    said: list[str] = []
    live = Live(workspace, workers=1, say=said.append)
    try:
        first, second = live.health()["snapshot"], second_of(workspace)
        (workspace / "snapshots" / second / "manifest.json").write_text("{", "utf-8")
        point_to(workspace, second)
        assert [live.health()["snapshot"] for _ in range(3)] == [first] * 3
        assert len(said) == 1
        assert "damaged" in said[0]
    finally:
        live.close()


def test_nothing_is_served_where_nothing_was_built(tmp_path: Path) -> None:
    with pytest.raises(NoSnapshot, match="limbeck build"):
        workspace_app(tmp_path)


def start(workspace: Path, port: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "limbeck.cli", "serve", "--workspace", str(workspace), "--port", str(port)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_command_says_where_it_serves_and_ends_quietly_on_a_signal(small_workspace: Path, number: int) -> None:
    process = start(small_workspace, 0)
    assert process.stderr is not None
    try:
        line = process.stderr.readline()
        assert line.startswith(f"serving snapshot {current_id(small_workspace)} on http://127.0.0.1:")
        base = line.split(" on ")[1].split()[0]
        assert httpx.get(f"{base}/health", timeout=60, trust_env=False).json()["status"] == "ok"
        process.send_signal(number)
        assert process.wait(60) == 0
        assert process.stderr.read() == ""
    finally:
        process.kill()
        process.wait()
        process.stderr.close()
    for _ in range(100):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", int(base.rsplit(":", 1)[1]))) != 0:
                return
        time.sleep(0.05)
    pytest.fail("the port is still open")


def test_a_taken_port_is_an_error_of_one_line(small_workspace: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        process = start(small_workspace, taken.getsockname()[1])
        _, said = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "Choose another --host or --port" in said
    assert "Traceback" not in said
