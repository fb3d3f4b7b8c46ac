import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kg.snapshot import current_id, open_snapshot, snapshot_ids
from kg.verify import verify
from limbeck.jobs import status
from tests.loopback import Reply, count_reply, rows_reply, serve
from tests.toy import CLEAN, TOY_NT

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

KILLS = 30
MORE = "<http://dbpedia.org/resource/Paris> <http://dbpedia.org/ontology/mayor> <http://dbpedia.org/resource/Anne> .\n"
WAIT_S = 60.0


@contextmanager
def building(folder: Path, source: str, command: str = "build") -> Iterator[subprocess.Popen[str]]:
    """`limbeck build` or `refresh` as the leader of a process group of its own, temporary files in `folder/tmp`."""
    (folder / "tmp").mkdir(exist_ok=True)
    words = ["-s", source, "--skip=train", "--skip=embed"] if command == "build" else []
    process = subprocess.Popen(
        [sys.executable, "-m", "limbeck.cli", command, "-w", str(folder / "workspace"), *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "TMPDIR": str(folder / "tmp")},
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def living(group: int) -> list[str]:
    """The command lines of the processes of a group that have not ended."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            state, _, owner = (entry / "stat").read_text().rsplit(")", 1)[1].split()[:3]
            if int(owner) == group and state != "Z":
                found.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def becomes(true: Callable[[], bool]) -> bool:
    end = time.monotonic() + WAIT_S
    while not true() and time.monotonic() < end:
        time.sleep(0.05)
    return true()


@pytest.mark.timeout(900)
def test_kill_9_at_any_moment_leaves_the_snapshot_and_nothing_else(tmp_path: Path) -> None:
    source = tmp_path / "toy.nt"
    source.write_text(TOY_NT, "utf-8")
    workspace = tmp_path / "workspace"
    started = time.monotonic()
    with building(tmp_path, str(source)) as process:
        assert process.wait(WAIT_S * 2) == 0, process.communicate()
        group = process.pid
    unhindered_s = time.monotonic() - started
    assert becomes(lambda: not living(group))
    first = open_snapshot(workspace)

    draw = random.Random(7)  # noqa: S311
    interrupted = 0
    found = {(first.manifest["graph_sha256"], 0)}
    for part in range(KILLS):
        before = current_id(workspace)
        source.write_text(TOY_NT + MORE * (part % 4 // 2), "utf-8")
        with building(tmp_path, str(source), "refresh" if part % 2 else "build") as process:
            time.sleep((part + draw.random()) / KILLS * unhindered_s)
            ended = process.poll() is not None
            process.send_signal(signal.SIGKILL)
            process.communicate()
            group = process.pid
        assert becomes(lambda group=group: not living(group)), living(group)
        snapshot = open_snapshot(workspace)
        interrupted += snapshot.id == before
        assert not verify(snapshot)
        found.add((snapshot.manifest["graph_sha256"], status(workspace)["counts"]["triples"] - len(CLEAN)))
        assert ended or snapshot.id in snapshot_ids(workspace)
    assert interrupted >= KILLS // 2
    assert sorted(more for _, more in found) == list(range(len(found)))  # the two graphs, and no third
    assert len(found) <= 2

    with building(tmp_path, str(source)) as process:
        assert process.wait(WAIT_S * 2) == 0, process.communicate()
        group = process.pid
    assert not verify(open_snapshot(workspace))
    assert not list((workspace / "building").iterdir())
    assert not (workspace / "pulls").exists()
    assert becomes(lambda: not living(group))
    assert becomes(lambda: not list((tmp_path / "tmp").iterdir())), list((tmp_path / "tmp").iterdir())


def test_the_second_of_two_builds_is_told_to_wait(tmp_path: Path) -> None:
    asked, finish = threading.Event(), threading.Event()

    def answer(query: str) -> Reply:
        asked.set()
        finish.wait(WAIT_S * 2)
        return count_reply(0) if "COUNT" in query else rows_reply([])

    (tmp_path / "toy.nt").write_text(TOY_NT, "utf-8")
    with serve(answer) as slow, building(tmp_path, slow.url) as first:
        try:
            assert asked.wait(WAIT_S)
            with building(tmp_path, str(tmp_path / "toy.nt")) as second:
                out, err = second.communicate(timeout=WAIT_S * 2)
            assert (second.returncode, out) == (1, "")
            assert err.startswith(f"limbeck: {tmp_path}/workspace is being written by process {first.pid} since ")
            assert err.count("\n") == 1
            assert first.poll() is None
        finally:
            finish.set()
        out, err = first.communicate(timeout=WAIT_S * 2)
        assert (first.returncode, out) == (1, "")
        assert err.splitlines()[-1].startswith("limbeck: the sources gave no triple at all")
    assert current_id(tmp_path / "workspace") is None
