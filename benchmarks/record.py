"""What benchmarks share: the time that work takes, where the development data lies, and a record that can be repeated.

Machines are noisy: compare the ratios, not the seconds.
"""

import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

DATA = Path(os.environ.get("LIMBECK_DATA", Path(__file__).parents[2] / "shared" / "data"))
"""The development data: not part of the project; benchmarks that need it say so where it is missing."""


def data_file(name: str) -> Path:
    """A file of the development data. Exits with a message where it is missing."""
    path = DATA / name
    if not path.exists():
        sys.exit(f"this benchmark needs {path}. Put the development data there, or name its folder by LIMBECK_DATA.")
    return path


def seconds(work: Callable[[], Any]) -> float:
    """How long some work takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def write_record(name: str, results: Any, *, options: dict[str, Any] | None = None) -> None:
    """Writes `benchmarks/NAME.json`: the results with command, machine, commit and date."""
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    said = {
        "command": " ".join(["python", "-m", f"benchmarks.{Path(sys.argv[0]).stem}", *map(_local, sys.argv[1:])]),
        "options": options or {},
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "commit": commit.stdout.strip(),
        "date": datetime.now(UTC).date().isoformat(),
        "results": results,
    }
    path = Path(__file__).parent / f"{name}.json"
    path.write_text(json.dumps(said, indent=1, ensure_ascii=False) + "\n", "utf-8")


def _local(argument: str) -> str:
    """An argument without the folders of the machine that it was given on.

    >>> _local("/home/ada/questions.jsonl"), _local("--limit")
    ('questions.jsonl', '--limit')
    """
    return Path(argument).name if Path(argument).is_absolute() else argument
