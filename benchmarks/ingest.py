"""Triples per second from an N-Triples file: ours to columns, beside the raw parser that only counts.

The file is the sample's graph REPEATS times, each time about other resources. Each system runs
ROUNDS times; the best round counts.
"""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pyoxigraph as ox

from benchmarks.rows import Row
from kg.clean import CleanOptions, clean, finish
from kg.graph import write_graph
from kg.sources import SourceOptions, pull

SAMPLE = Path(__file__).parents[1] / "examples" / "graph.nt"
REPEATS, ROUNDS = 40, 3


def measure() -> list[Row]:
    """Triples per second of each stage on top of the one before."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "graph.nt"
        lines = write_repeated(path)
        statements = pull([SourceOptions(str(path))]).statements
        cleaned = clean(statements, CleanOptions())
        finished = finish(cleaned.statements, CleanOptions())
        systems: dict[str, Callable[[], object]] = {
            "pyoxigraph.parse, counted": lambda: sum(1 for _ in ox.parse(path=str(path))),
            "pull to columns": lambda: pull([SourceOptions(str(path))]),
            "clean": lambda: clean(statements, CleanOptions()),
            "rank and prune": lambda: finish(cleaned.statements, CleanOptions()),
            "write columns": lambda: write_graph(Path(folder) / "graph", finished.triples, rank=finished.rank),
        }
        data = f"examples/graph.nt x {REPEATS}, {lines:,} lines"
        return [Row(name, lines / best_of(run), "triples/s", data) for name, run in systems.items()]


def write_repeated(path: Path) -> int:
    """The number of lines written: the sample again and again, each time with DBpedia's resources renamed."""
    text = SAMPLE.read_text("utf-8")
    with open(path, "w", encoding="utf-8") as file:
        for number in range(REPEATS):
            file.write(text.replace("/resource/", f"/resource/{number}_"))
    return REPEATS * text.count("\n")


def best_of(run: Callable[[], object]) -> float:
    """Seconds of the fastest of ROUNDS runs."""
    durations = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        run()
        durations.append(time.perf_counter() - started)
    return min(durations)
