"""Runs the benchmarks, prints a plain baseline beside ours, and writes a JSON record of each.

    python -m benchmarks [NAME…] [--out FOLDER]

A benchmark is a module here with a function `measure() -> list[Row]`.
"""

import argparse
import datetime
import importlib
import json
import os
import platform
import subprocess
from dataclasses import asdict
from pathlib import Path

HERE = Path(__file__).parent
NAMES = sorted(path.stem for path in HERE.glob("*.py") if path.stem not in ("__main__", "rows"))


def main() -> None:
    """Runs what the command line names, or all."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Ours beside a plain baseline.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(NAMES))
    parser.add_argument("--out", type=Path, default=HERE / "results", help="folder of the JSON records")
    options = parser.parse_args()
    for name in options.names:
        if name not in NAMES:
            parser.error(f"there is no benchmark {name!r}; choose from {', '.join(NAMES)}")
    options.out.mkdir(parents=True, exist_ok=True)
    for name in options.names or NAMES:
        module = importlib.import_module(f"benchmarks.{name}")
        rows = module.measure()
        print(f"{name}: {module.__doc__.splitlines()[0]}")
        for row in rows:
            print(f"  {row.system:<28}{row.value:>14,.1f} {row.unit}")
        record = {**circumstances(name), "rows": [asdict(row) for row in rows]}
        (options.out / f"{name}.json").write_text(json.dumps(record, indent=1) + "\n", "utf-8")


def circumstances(name: str) -> dict[str, object]:
    """Command, machine, commit and date: what a figure means nothing without."""
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=HERE, capture_output=True, text=True, check=False)
    return {
        "command": f"python -m benchmarks {name}",
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}",
        "python": platform.python_version(),
        "commit": commit.stdout.strip() or None,
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
    }


if __name__ == "__main__":
    main()
