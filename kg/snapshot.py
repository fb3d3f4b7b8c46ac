"""Atomic, versioned publication of everything that belongs together: graph, indexes and models.

    workspace/
      CURRENT              the id of the current snapshot; replaced by one rename
      lock                 held (flock) by the one writer; the kernel frees it when the process dies
      building/ID/         a snapshot in the making; left-overs are removed by the next writer
      snapshots/ID/        finished snapshots, never changed again
        manifest.json      counts, configuration, the model in charge, and the size and hash of each file

`new_folder` can start from the files of another snapshot by hard links, so that a new model costs only its own bytes.
"""

import fcntl
import hashlib
import json
import os
import shutil
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kg.errors import LimbeckError, NoSnapshot, SnapshotError, WorkspaceLocked

FORMAT = 3
KEEP = 3
"""Snapshots kept besides the current one."""


@dataclass(frozen=True)
class Snapshot:
    """A published snapshot: its folder and its manifest."""

    folder: Path
    manifest: dict[str, Any]

    @property
    def id(self) -> str:
        """The snapshot's name: the time it was made and a part of the graph's hash."""
        return self.folder.name


def open_snapshot(workspace: Path, snapshot_id: str | None = None) -> Snapshot:
    """The current snapshot, or a named one. Raises NoSnapshot, SnapshotError."""
    name = snapshot_id or current_id(workspace)
    if name is None:
        if snapshot_ids(workspace):
            raise NoSnapshot(f"{workspace / 'CURRENT'} names no snapshot. Run `limbeck rollback`, or build again.")
        raise NoSnapshot(f"nothing has been built in {workspace} yet. Run `limbeck build --source …` first.")
    folder = workspace / "snapshots" / name
    try:
        manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError) as error:
        out = "`limbeck status` lists those it has" if snapshot_id else "run `limbeck rollback`, or build again"
        raise NoSnapshot(f"{workspace} has no snapshot {name}, or it has no manifest; {out}.") from error
    except ValueError as error:
        raise SnapshotError(
            f"{folder / 'manifest.json'} is damaged: {error}. Run `limbeck rollback` or build again."
        ) from error
    if not isinstance(manifest, dict) or (manifest.get("format") == FORMAT and "files" not in manifest):
        raise SnapshotError(
            f"{folder / 'manifest.json'} is damaged: it names no files. Run `limbeck rollback` or build again."
        )
    if manifest.get("format") != FORMAT:
        raise SnapshotError(
            f"snapshot {name} has format {manifest.get('format')}, this version reads {FORMAT}. Build again."
        )
    return Snapshot(folder, manifest)


def snapshot_before(workspace: Path) -> Snapshot:
    """The snapshot to go back to: the one that the current one followed. Where either does not open, the newest earlier
    one whose files are whole. Raises NoSnapshot."""
    current, names = current_id(workspace), snapshot_ids(workspace)
    try:
        previous = open_snapshot(workspace).manifest.get("previous")
    except SnapshotError:
        if not names:
            raise
    else:
        if previous not in names:
            raise NoSnapshot(f"{workspace} has no snapshot before {current} to go back to.")
        with suppress(SnapshotError):
            return open_snapshot(workspace, previous)
    for name in reversed(names[: names.index(current)] if current in names else names):
        with suppress(SnapshotError):
            snapshot = open_snapshot(workspace, name)
            if not damaged_files(snapshot):
                return snapshot
    raise NoSnapshot(f"{workspace} has no whole snapshot before {current} to go back to. Build again.")


def hold(snapshot: Snapshot, holder: object) -> None:
    """Keeps a snapshot from being removed as long as `holder` lives, by a shared lock (flock) on its folder. Raises
    NoSnapshot if it has just been removed."""
    try:
        handle = os.open(snapshot.folder, os.O_RDONLY)
    except FileNotFoundError as error:
        raise NoSnapshot(
            f"snapshot {snapshot.id} has been removed in this moment. Open the workspace again."
        ) from error
    weakref.finalize(holder, os.close, handle)
    with suppress(OSError):  # a file system without locks
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)


def current_id(workspace: Path) -> str | None:
    """The id of the current snapshot, or None."""
    try:
        return (workspace / "CURRENT").read_text("utf-8", "replace").strip() or None
    except FileNotFoundError:
        return None


def snapshot_ids(workspace: Path) -> list[str]:
    """The ids of all finished snapshots, oldest first."""
    folder = workspace / "snapshots"
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


@contextmanager
def write_lock(workspace: Path) -> Iterator[None]:
    """Holds the workspace for one writer. Raises WorkspaceLocked if another process has it."""
    try:
        workspace.mkdir(parents=True, exist_ok=True)
        handle = open(workspace / "lock", "a+", encoding="utf-8")  # noqa: SIM115
    except OSError as error:
        raise LimbeckError(
            f"the workspace {workspace} cannot be written: {error.strerror}. Choose another --workspace."
        ) from error
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            handle.seek(0)
            holder = handle.read().strip() or "another process"
            raise WorkspaceLocked(
                f"{workspace} is being written by {holder}. Wait for it, or use another --workspace."
            ) from error
        handle.truncate(0)
        handle.write(f"process {os.getpid()} since {time.strftime('%H:%M:%S')}")
        handle.flush()
        shutil.rmtree(workspace / "building", ignore_errors=True)
        yield


@contextmanager
def new_folder(workspace: Path, parent: Snapshot | None = None, *, without: tuple[str, ...] = ()) -> Iterator[Path]:
    """A folder to fill and give to `publish`; removed if the work fails. The caller holds the lock.

    parent: start with hard links to this snapshot's files, but for those whose path starts with one of `without`.
    """
    folder = workspace / "building" / f"{os.getpid()}-{time.time_ns()}"
    folder.mkdir(parents=True)
    try:
        for name in parent.manifest["files"] if parent else ():
            if not name.startswith(without):
                target = folder / name
                target.parent.mkdir(parents=True, exist_ok=True)
                os.link(parent.folder / name, target)  # type: ignore[union-attr]
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def publish(workspace: Path, folder: Path, facts: dict[str, Any]) -> Snapshot:
    """Makes a filled folder the current snapshot.

    Every file is hashed and synced, the manifest is written last, the folder is renamed, and then CURRENT is replaced.
    facts: what the manifest says besides; `graph_sha256` gives the id its second part. Equal `parts` in two manifests
    mean equal content.
    """
    files = {
        str(path.relative_to(folder)): {"size": path.stat().st_size, "sha256": _sync_and_hash(path)}
        for path in sorted(folder.rglob("*"))
        if path.is_file() and _belongs(path)
    }
    stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime()) + f".{time.time_ns() // 1_000_000 % 1000:03d}"
    latest = max((name.partition("-")[0] for name in snapshot_ids(workspace)), default="")
    if stamp <= latest:  # published within one millisecond, or the clock was set back: ids stay in order
        stamp = f"{latest}a"
    name = f"{stamp}-{facts['graph_sha256'][:8]}"
    manifest = {"format": FORMAT, "id": name, "previous": current_id(workspace), **facts}
    manifest |= {"files": files, "parts": _parts(files, facts["graph_sha256"])}
    _write_synced(folder / "manifest.json", json.dumps(manifest, indent=1, ensure_ascii=False, sort_keys=True))
    target = workspace / "snapshots" / name
    target.parent.mkdir(exist_ok=True)
    os.rename(folder, target)
    _sync_folder(target.parent)
    point_to(workspace, name)
    _forget_old(workspace)
    return Snapshot(target, manifest)


def point_to(workspace: Path, snapshot_id: str) -> None:
    """Makes a finished snapshot the current one, by one rename."""
    temporary = workspace / "CURRENT.tmp"
    _write_synced(temporary, snapshot_id + "\n")
    os.replace(temporary, workspace / "CURRENT")
    _sync_folder(workspace)


def damaged_files(snapshot: Snapshot) -> list[str]:
    """What differs from the manifest: missing, resized or changed files, one message each."""
    found = []
    for name, wanted in snapshot.manifest["files"].items():
        path = snapshot.folder / name
        if not path.is_file():
            found.append(f"{name} is missing")
        elif path.stat().st_size != wanted["size"]:
            found.append(f"{name} has {path.stat().st_size} bytes, expected {wanted['size']}")
        elif file_sha256(path) != wanted["sha256"]:
            found.append(f"{name} has changed")
    return found


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _parts(files: dict[str, dict[str, Any]], graph_sha256: str) -> dict[str, str]:
    """A hash of the content of each folder: of its files' names and hashes. RocksDB writes times and identities into
    its files, so the SPARQL store counts by the graph that it holds."""
    lists: dict[str, list[str]] = {}
    for name, file in files.items():
        lists.setdefault(name.partition("/")[0], []).append(f"{name} {file['sha256']}\n")
    parts = {part: hashlib.sha256("".join(lines).encode()).hexdigest() for part, lines in lists.items()}
    return {part: graph_sha256 if part == "store" else digest for part, digest in parts.items()}


def _belongs(path: Path) -> bool:
    """RocksDB's own logs and its lock are written on every opening; they are not part of the snapshot."""
    return path.name != "LOCK" and not path.name.startswith("LOG")


def _sync_and_hash(path: Path) -> str:
    with open(path, "rb") as file:
        os.fsync(file.fileno())
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write_synced(path: Path, text: str) -> None:
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _forget_old(workspace: Path) -> None:
    """Removes all but the current snapshot, the one that it goes back to, the KEEP youngest others, and those held."""
    current = open_snapshot(workspace)
    others = [name for name in snapshot_ids(workspace) if name != current.id]
    for name in others[:-KEEP]:
        if name != current.manifest["previous"]:
            _remove(workspace / "snapshots" / name)


def _remove(folder: Path) -> None:
    """Removes a snapshot's folder unless somebody holds it."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)
    except BlockingIOError:
        pass
    finally:
        os.close(handle)
