"""`python -m benchmarks.refreshing`: what a refresh costs after 1 % of an endpoint's triples have changed.

A real Virtuoso serves the development graph-100k with the labels of its resources. A full build; then a random 1 % of
the triples is deleted, as many are added, and as many get another object; a refresh; and a full build of the new state
in a workspace of its own, with which the refreshed snapshot is compared, part by part.
"""

import argparse
import gzip
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.record import data_file, write_record
from tests.virtuoso import Virtuoso

GRAPH = "http://bench/"
SAME = ("graph", "store", "aliases", "merges", "neighbours", "relations", "vectors", "lexical", "tfidf")
"""Parts that must be equal; provenance tells pages, whose division depends on the pull."""


def main() -> None:
    """Runs the comparison."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.refreshing", description=__doc__)
    parser.add_argument("--skip", nargs="*", default=[], help="steps to leave out of all builds: text, embed, train")
    parser.add_argument("--share", type=float, default=0.01, help="share of the triples that change")
    options = parser.parse_args()
    graph, labels = data_file("dbpedia/graph-100k.nt.gz"), data_file("dbpedia/labels.nt.gz")
    with tempfile.TemporaryDirectory() as place, Virtuoso() as server:
        lines = read_lines(graph)
        named = {term for line in lines for term in (line.split(" ", 1)[0], line.split(" ", 2)[2][:-2])}
        lines += [line for line in read_lines(labels) if line.split(" ", 1)[0] in named]
        load(server, Path(place) / "a.nt", lines)
        config = Path(place) / "limbeck.toml"
        config.write_text(f'[[sources]]\nlocation = "{server.url}"\ngraph = "{GRAPH}"\n')
        first = limbeck("build", Path(place) / "one", "--config", str(config), *skipped(options.skip))
        load(server, Path(place) / "b.nt", changed(lines, options.share))
        refreshed = limbeck("refresh", Path(place) / "one")
        anew = limbeck("build", Path(place) / "two", "--config", str(config), *skipped(options.skip))
        parts = [
            json.loads((current(Path(place) / name) / "manifest.json").read_text())["parts"] for name in ("one", "two")
        ]
    differ = [part for part in SAME if parts[0].get(part) != parts[1].get(part)]
    row = {
        "triples": len(lines),
        "build": first,
        "refresh": refreshed,
        "build_of_the_new_state": anew,
        "differ": differ,
    }
    row["ratio"] = round(refreshed["wall_s"] / anew["wall_s"], 3)
    for name in ("build", "refresh", "build_of_the_new_state"):
        print(f"{name:24}{row[name]['wall_s']:9.1f} s  {row[name]['duration_s']}")
    print(f"refresh / build = {row['ratio']}; parts that differ from a full build: {differ or 'none'}")
    write_record("refreshing", row, options=vars(options))


def limbeck(command: str, workspace: Path, *words: str) -> dict[str, Any]:
    """Wall seconds and the durations by step of a command."""
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "limbeck.cli", command, "--json", "--workspace", str(workspace), *words],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    wall = round(time.perf_counter() - started, 2)
    steps = {name: round(seconds, 2) for name, seconds in json.loads(done.stdout)["duration_s"].items()}
    return {"wall_s": wall, "duration_s": steps}


def skipped(steps: list[str]) -> list[str]:
    """The options that leave steps out."""
    return [word for step in steps for word in ("--skip", step)]


def current(workspace: Path) -> Path:
    """The folder of the current snapshot."""
    return workspace / "snapshots" / (workspace / "CURRENT").read_text().strip()


def read_lines(path: Path) -> list[str]:
    """The lines of a .gz file, without their ends."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return file.read().splitlines()


def load(server: Virtuoso, path: Path, lines: list[str]) -> None:
    """Makes the lines all that the graph holds."""
    path.write_text("\n".join(lines) + "\n", "utf-8")
    server.run(f"log_enable(3);\nsparql clear graph <{GRAPH}>;")
    server.load(path, GRAPH)


def changed(lines: list[str], share: float) -> list[str]:
    """The lines after deletions, additions and new objects, a third of `share` each; fixed seed."""
    draw = random.Random(0)  # noqa: S311
    count = round(len(lines) * share / 3)
    picked = draw.sample(range(len(lines)), 3 * count)
    gone, moved, models = set(picked[:count]), set(picked[count : 2 * count]), picked[2 * count :]
    objects = [lines[at].split(" ", 2)[2] for at in picked]
    kept = [
        " ".join([*line.split(" ", 2)[:2], draw.choice(objects)]) if at in moved else line
        for at, line in enumerate(lines)
        if at not in gone
    ]
    added = [
        f"{lines[at].split(' ', 1)[0]} <http://dbpedia.org/ontology/related> {draw.choice(objects)}" for at in models
    ]
    return sorted({*kept, *added})


if __name__ == "__main__":
    main()
