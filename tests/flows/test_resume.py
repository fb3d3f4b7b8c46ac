"""`limbeck train` killed with SIGKILL, then run again."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from kg.snapshot import current_id, open_snapshot
from kg.verify import verify
from tests.command import limbeck_process

WAIT_S = 120.0


def learnt(workspace: Path) -> dict[str, Any]:
    """The models' hashes, and what the manifest says of their training but for the time it took."""
    manifest = open_snapshot(workspace).manifest
    hashes = {name: file["sha256"] for name, file in manifest["files"].items() if name.startswith("models/")}
    for stage in ("reader", "joint"):
        del manifest["training"][stage]["duration_s"]
    return {**hashes, "training": manifest["training"]}


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_training_that_was_killed_goes_on_where_it_was(built: Path, tmp_path: Path) -> None:
    killed, whole = (shutil.copytree(built, tmp_path / name) for name in ("killed", "whole"))
    before = current_id(killed)
    process = subprocess.Popen(
        [sys.executable, "-m", "limbeck.cli", "train", "-w", str(killed)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        env=dict(os.environ),
    )
    end = time.monotonic() + WAIT_S
    while not list(killed.glob("training/*/reader/checkpoint.safetensors")) and process.poll() is None:
        assert time.monotonic() < end
        time.sleep(0.005)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert current_id(killed) == before

    again = limbeck_process("train", "-w", killed)
    assert again.status == 0, again.err
    assert "train retriever: goes on after 2 steps of a run that was stopped" in again.err
    assert "train reader: goes on after 5 steps of a run that was stopped" in again.err
    assert limbeck_process("train", "-w", whole).status == 0
    assert learnt(killed) == learnt(whole)
    assert not (killed / "training").exists()
    assert not verify(open_snapshot(killed))
