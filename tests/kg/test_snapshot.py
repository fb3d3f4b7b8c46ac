import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from kg.errors import NoSnapshot, SnapshotError, WorkspaceLocked
from kg.snapshot import (
    FORMAT,
    KEEP,
    Snapshot,
    current_id,
    damaged_files,
    hold,
    new_folder,
    open_snapshot,
    point_to,
    publish,
    snapshot_before,
    snapshot_ids,
    write_lock,
)

HOLDER = """
import sys, pathlib
from kg.snapshot import write_lock
with write_lock(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""

KILLED = """
import os, pathlib, signal, sys
from kg.snapshot import new_folder, publish, write_lock

left = int(sys.argv[2])

def deadly(function):
    def call(*arguments, **keywords):
        global left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*arguments, **keywords)
    return call

for name in ("fsync", "rename", "replace", "mkdir"):
    setattr(os, name, deadly(getattr(os, name)))

workspace = pathlib.Path(sys.argv[1])
with write_lock(workspace), new_folder(workspace) as folder:
    (folder / "data").write_text("new")
    publish(workspace, folder, {"graph_sha256": "new"})
"""


def run(script: str, *arguments: object) -> int:
    return subprocess.run([sys.executable, "-c", script, *map(str, arguments)], check=False).returncode


def made(workspace: Path, text: str = "one", parent: Snapshot | None = None) -> Snapshot:
    with write_lock(workspace), new_folder(workspace, parent, without=("data",)) as folder:
        (folder / "data").write_text(text)
        (folder / "graph").mkdir(exist_ok=True)
        if parent is None:
            (folder / "graph" / "s").write_text("column")
        return publish(workspace, folder, {"graph_sha256": f"{text:0<8}", "counts": {"triples": 1}})


def test_a_published_snapshot_opens_with_its_facts(tmp_path: Path) -> None:
    snapshot = made(tmp_path)
    again = open_snapshot(tmp_path)
    assert again == snapshot
    assert again.manifest["counts"] == {"triples": 1}
    assert sorted(again.manifest["files"]) == ["data", "graph/s"]
    assert damaged_files(again) == []
    assert list((tmp_path / "building").iterdir()) == []


def test_nothing_built_says_how_to_build(tmp_path: Path) -> None:
    with pytest.raises(NoSnapshot, match="limbeck build"):
        open_snapshot(tmp_path)
    with pytest.raises(NoSnapshot, match="limbeck status"):
        open_snapshot(tmp_path, "nope")


def test_a_later_snapshot_leaves_the_earlier_as_it_was(tmp_path: Path) -> None:
    first = made(tmp_path)
    second = made(tmp_path, "two")
    assert open_snapshot(tmp_path).id == second.id
    assert second.manifest["previous"] == first.id
    assert (first.folder / "data").read_text() == "one"
    point_to(tmp_path, first.id)
    assert open_snapshot(tmp_path).id == first.id


def test_a_derived_snapshot_shares_the_files_that_stay(tmp_path: Path) -> None:
    first = made(tmp_path)
    second = made(tmp_path, "two", parent=first)
    assert (second.folder / "graph" / "s").stat().st_ino == (first.folder / "graph" / "s").stat().st_ino
    assert [(s.folder / "data").read_text() for s in (first, second)] == ["one", "two"]


def test_old_snapshots_are_removed_but_never_the_current(tmp_path: Path) -> None:
    snapshots = [made(tmp_path, str(number)) for number in range(KEEP + 3)]
    assert snapshot_ids(tmp_path) == [snapshot.id for snapshot in snapshots[-KEEP - 1 :]]
    assert current_id(tmp_path) == snapshots[-1].id


def test_what_the_current_snapshot_goes_back_to_is_kept_however_old(tmp_path: Path) -> None:
    snapshots = [made(tmp_path, str(number)) for number in range(KEEP + 1)]
    point_to(tmp_path, snapshots[0].id)
    last = made(tmp_path, "after going back")
    assert last.manifest["previous"] == snapshots[0].id
    assert snapshots[0].id in snapshot_ids(tmp_path)


def test_ids_are_in_the_order_of_publication_even_if_the_clock_stands_still(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kg.snapshot.time.time_ns", lambda: 1_000_000)
    monkeypatch.setattr("kg.snapshot.time.strftime", lambda *_: "20260101T000000")
    made_in_order = [made(tmp_path, str(number)).id for number in (3, 2, 1)]
    assert snapshot_ids(tmp_path) == made_in_order


def test_a_snapshot_that_somebody_holds_is_not_removed(tmp_path: Path) -> None:
    class Reader:
        pass

    reader = Reader()
    held = made(tmp_path, "held")
    hold(held, reader)
    hold(held, another := Reader())
    snapshots = [made(tmp_path, str(number)) for number in range(KEEP + 3)]
    assert snapshot_ids(tmp_path) == [held.id, *(snapshot.id for snapshot in snapshots[-KEEP - 1 :])]
    del reader, another
    made(tmp_path, "later")
    assert held.id not in snapshot_ids(tmp_path)
    with pytest.raises(NoSnapshot, match="Open the workspace again"):
        hold(held, Reader())


def test_failed_work_leaves_nothing(tmp_path: Path) -> None:
    first = made(tmp_path)
    with pytest.raises(ZeroDivisionError), write_lock(tmp_path), new_folder(tmp_path) as folder:
        (folder / "half").write_text("x")
        raise ZeroDivisionError
    assert list((tmp_path / "building").iterdir()) == []
    assert open_snapshot(tmp_path).id == first.id


def test_another_process_with_the_lock_is_named_and_its_death_frees_it(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(WorkspaceLocked, match=f"process {holder.pid}"), write_lock(tmp_path):
            pass
        holder.kill()
        holder.wait()
    with write_lock(tmp_path):
        pass


def test_a_kill_at_any_step_of_publishing_leaves_the_former_or_the_new_snapshot(tmp_path: Path) -> None:
    former = made(tmp_path)
    for step in range(1, 100):
        code = run(KILLED, tmp_path, step)
        current = open_snapshot(tmp_path)
        assert damaged_files(current) == []
        if code == 0:
            break
        assert code == -signal.SIGKILL
        assert (current.id == former.id) or (current.folder / "data").read_text() == "new"
        point_to(tmp_path, former.id)
    assert step > 6
    assert (open_snapshot(tmp_path).folder / "data").read_text() == "new"
    assert list((tmp_path / "building").iterdir()) == []


def test_damage_is_found_and_named(tmp_path: Path) -> None:
    snapshot = made(tmp_path)
    (snapshot.folder / "data").write_text("two")
    (snapshot.folder / "graph" / "s").write_text("longer column")
    assert damaged_files(snapshot) == ["data has changed", "graph/s has 13 bytes, expected 6"]
    (snapshot.folder / "data").unlink()
    assert damaged_files(snapshot)[0] == "data is missing"


def test_a_manifest_that_is_damaged_or_of_another_format_is_refused(tmp_path: Path) -> None:
    manifest = made(tmp_path).folder / "manifest.json"
    manifest.write_text(json.dumps({"format": 99}))
    with pytest.raises(SnapshotError, match="format 99"):
        open_snapshot(tmp_path)
    manifest.write_text("{")
    with pytest.raises(SnapshotError, match="damaged"):
        open_snapshot(tmp_path)
    for text in ("[]", json.dumps({"format": FORMAT})):
        manifest.write_text(text)
        with pytest.raises(SnapshotError, match="damaged"):
            open_snapshot(tmp_path)


@pytest.mark.parametrize("current", ["manifest damaged", "manifest missing", "folder missing", "nothing", "a stranger"])
def test_the_way_back_from_a_damaged_snapshot_is_the_newest_whole_one_before(tmp_path: Path, current: str) -> None:
    whole, holed, unread, last = (made(tmp_path, str(number)) for number in range(4))
    assert snapshot_before(tmp_path).id == unread.id
    (holed.folder / "data").unlink()
    (unread.folder / "manifest.json").write_text("{")
    assert snapshot_before(tmp_path).id == whole.id
    if current == "manifest damaged":
        (last.folder / "manifest.json").write_text("{")
    elif current == "folder missing":
        last.folder.rename(tmp_path / "gone")
    else:
        (last.folder / "manifest.json").unlink()
    if current in ("nothing", "a stranger"):
        (tmp_path / "CURRENT").write_text("" if current == "nothing" else "nobody")
    assert snapshot_before(tmp_path).id == whole.id
    with pytest.raises(SnapshotError, match="limbeck rollback"):
        open_snapshot(tmp_path)
    (whole.folder / "data").unlink()
    with pytest.raises(NoSnapshot, match="no whole snapshot before"):
        snapshot_before(tmp_path)


def test_there_is_no_way_back_from_the_first_snapshot(tmp_path: Path) -> None:
    with pytest.raises(NoSnapshot, match="limbeck build"):
        snapshot_before(tmp_path)
    made(tmp_path)
    with pytest.raises(NoSnapshot, match="no snapshot before"):
        snapshot_before(tmp_path)
