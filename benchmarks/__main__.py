"""`make bench`: reading, publishing and encoding beside plain baselines, on a generated graph with DBpedia's skew.

Prints a table and writes `benchmarks/results.json` with the command, the machine, the commit and the date. Machines
are noisy: compare the ratios, not the seconds.
"""

import argparse
import json
import os
import platform
import subprocess
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyoxigraph as ox

from kg.clean import CleanOptions, clean, finish
from kg.graph import write_graph
from kg.sources import SourceOptions, pull
from kg.store import write_store
from retrieval.encoder import SentenceEncoder


def main() -> None:
    """Runs all benchmarks."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--triples", type=int, default=200_000, help="size of the generated graph")
    parser.add_argument("--texts", type=int, default=2_000, help="texts to encode")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        dump = folder / "graph.nt"
        write_dump(dump, options.triples)
        rows = [*reading(dump), *publishing(dump, folder), *encoding(options.texts)]
    for name, ours, baseline, plain in rows:
        print(f"{name:44}{ours:9.2f} s   {plain:40}{baseline:9.2f} s   ratio {ours / baseline:5.2f}")
    Path("benchmarks/results.json").write_text(json.dumps(record(vars(options), rows), indent=1) + "\n", "utf-8")


def write_dump(path: Path, triples: int) -> None:
    """A graph with Zipf predicates and power-law degrees, fixed seed."""
    draw = np.random.default_rng(0)
    entities = max(triples // 5, 10)
    s = (entities * draw.power(3, triples)).astype(int)
    o = (entities * (1 - draw.power(4, triples))).astype(int)
    p = np.minimum(draw.zipf(1.6, triples), 500)
    base = "http://example.org"
    line = f"<{base}/resource/{{}}> <{base}/ontology/p{{}}> <{base}/resource/{{}}> ."
    frame = pl.DataFrame({"s": s, "p": p, "o": o}).select(pl.format(line, "s", "p", "o"))
    path.write_text("\n".join(frame.to_series().to_list()) + "\n", "utf-8")


def reading(dump: Path) -> list[tuple[str, float, float, str]]:
    """An N-Triples file to columns, against a loop over the parser."""
    ours = seconds(lambda: pull([SourceOptions(str(dump))]))
    plain = seconds(lambda: [(str(t.subject), str(t.predicate), str(t.object)) for t in ox.parse(path=str(dump))])
    return [("read a dump into columns", ours, plain, "pyoxigraph.parse, a loop")]


def publishing(dump: Path, folder: Path) -> list[tuple[str, float, float, str]]:
    """Dump to both views of the graph without embedding, against loading the store alone."""

    def whole() -> None:
        finished = finish(clean(pull([SourceOptions(str(dump))]).statements, CleanOptions()).statements, CleanOptions())
        write_graph(folder / "graph", finished.triples, rank=finished.rank)
        write_store(folder / "store", finished.triples)

    ours = seconds(whole)
    plain = seconds(lambda: ox.Store(str(folder / "plain")).bulk_load(path=str(dump), format=ox.RdfFormat.N_TRIPLES))
    return [("read, clean, rank, write columns and store", ours, plain, "pyoxigraph bulk_load alone")]


def encoding(texts: int) -> list[tuple[str, float, float, str]]:
    """Our encoder against `SentenceTransformer.encode` with its defaults, same texts."""
    from sentence_transformers import SentenceTransformer

    encoder = SentenceEncoder()
    lines = [f"Entity {i}. city. country: Country {i % 50}; population total: {i * 37}" for i in range(texts)]
    model = SentenceTransformer(str(encoder.folder), device="cpu")
    for warm in (encoder.encode, model.encode):
        warm(lines[:64])
    return [
        (
            "encode texts",
            seconds(lambda: encoder.encode(lines)),
            seconds(lambda: model.encode(lines, show_progress_bar=False)),
            "SentenceTransformer.encode, defaults",
        )
    ]


def seconds(work: Callable[[], Any]) -> float:
    """How long some work takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def record(options: dict[str, Any], rows: list[tuple[str, float, float, str]]) -> dict[str, Any]:
    """The results with what is needed to repeat them."""
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    return {
        "command": "python -m benchmarks",
        "options": options,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "commit": commit.stdout.strip(),
        "date": datetime.now(UTC).date().isoformat(),
        "results": [
            {"name": name, "ours_s": ours, "baseline": plain, "baseline_s": baseline}
            for name, ours, baseline, plain in rows
        ],
    }


if __name__ == "__main__":
    main()
