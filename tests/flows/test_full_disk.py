"""A disk that fills up at any step of a build leaves the last snapshot as it was, and is called by its name."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.toy import TOY_NT

BUILD = "build --source {source} --skip text --skip embed --skip train"


def in_small_disk(place: Path, kilobytes: int, script: str) -> subprocess.CompletedProcess[str]:
    """Runs a shell script where `place` is a disk of its own (tmpfs in a mount namespace)."""
    mount = f"mount -t tmpfs -o size={kilobytes}k tmpfs {place}; {script}"
    command = ["unshare", "--map-root-user", "--mount", "bash", "-ec", mount]
    return subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": "."})


@pytest.fixture(scope="module")
def small_disks(tmp_path_factory: pytest.TempPathFactory) -> None:
    probe = in_small_disk(tmp_path_factory.mktemp("probe"), 64, "true")
    if probe.returncode:
        pytest.skip(f"the kernel gives no mount namespace here: {probe.stderr.strip()}. Run as root.")


@pytest.mark.usefixtures("small_disks")
@pytest.mark.timeout(600)
def test_a_full_disk_keeps_the_last_snapshot_and_says_so(tmp_path: Path) -> None:
    small, large, place = tmp_path / "small.nt", tmp_path / "large.nt", tmp_path / "disk"
    small.write_text(TOY_NT, "utf-8")
    line = '<http://a/{}> <http://a/p{}> "{}" .\n'
    large.write_text("".join(line.format(i, i % 7, "text " * (i % 40)) for i in range(30_000)), "utf-8")
    place.mkdir()
    limbeck = f"{sys.executable} -m limbeck.cli"
    script = f"""
      export LIMBECK_WORKSPACE={place}/w
      {limbeck} {BUILD.format(source=small)}
      before=$(cat $LIMBECK_WORKSPACE/CURRENT)
      for left in 200 1600; do
        free=$(df --output=avail -k {place} | tail -1)
        head -c $(( (free - left) * 1024 )) /dev/zero > {place}/ballast
        {limbeck} {BUILD.format(source=large)} >&2 && echo "built with $left kB"
        rm {place}/ballast
        [ "$before" = "$(cat $LIMBECK_WORKSPACE/CURRENT)" ]
        [ -z "$(ls $LIMBECK_WORKSPACE/building)" ]
      done
      {limbeck} verify
      {limbeck} {BUILD.format(source=large)} >&2
      {limbeck} verify
    """
    done = in_small_disk(place, 60_000, script)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("limbeck: the disk is full") == 2, done.stderr
    assert "built with" not in done.stdout
    assert "Traceback" not in done.stderr
