"""How fast files of RDF become columns, beside a plain loop over `pyoxigraph.parse`, on the development graph.

Each file is read by both in turn, `--repeats` times; the best of each counts. Seconds of processor time stand beside
those of the clock, since the reader works in a thread of its own and machines have other work.
"""

import argparse
import gzip
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyoxigraph as ox

from benchmarks.record import data_file, write_record
from kg.sources import SourceOptions
from kg.sources.compressed import open_file
from kg.sources.dump import read_dump

_FORMATS = {".nt": ox.RdfFormat.N_TRIPLES, ".nq": ox.RdfFormat.N_QUADS, ".ttl": ox.RdfFormat.TURTLE}


def main() -> None:
    """Prints a table and writes `benchmarks/reading.json`."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reading", description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    sample, whole = data_file("dbpedia/graph-100k.nt.gz"), data_file("dbpedia/graph.nt.gz")
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for name, path in [*_files(Path(folder), sample), ("N-Triples, gzip, 1 million lines", whole)]:
            rows.append(_measure(name, path, options.repeats))
            print(
                "{name:36}{lines:>9,} lines  {ours:>9,} lines/s   plain {plain:>9,}   ratio {ratio:.2f}".format(
                    **rows[-1]
                )
            )
    write_record("reading", rows, options=vars(options))


def _files(folder: Path, source: Path) -> list[tuple[str, Path]]:
    """The same triples in each form."""
    lines = gzip.decompress(source.read_bytes())
    forms = {
        "N-Triples": ("a.nt", lines),
        "N-Quads": ("a.nq", lines.replace(b" .\n", b" <http://example.org/graph> .\n")),
        "N-Triples, two spaces everywhere": ("spaces.nt", lines.replace(b"> <", b">  <")),
        "Turtle whose lines are N-Triples": ("lines.ttl", lines),
        "Turtle with prefixes": ("prefixes.ttl", _with_prefixes(lines)),
    }
    for name, data in forms.values():
        (folder / name).write_bytes(data)
    return [(title, folder / name) for title, (name, _) in forms.items()]


def _with_prefixes(lines: bytes) -> bytes:
    prefixes = {"rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#"}
    text = ox.serialize(ox.parse(lines, format=ox.RdfFormat.N_TRIPLES), format=ox.RdfFormat.TURTLE, prefixes=prefixes)
    return text or b""


def _measure(name: str, path: Path, repeats: int) -> dict[str, Any]:
    lines = 0

    def ours() -> None:
        nonlocal lines
        lines = read_dump(SourceOptions(str(path)), blank="b", take=len)["rows"]

    def plain() -> None:
        syntax = _FORMATS[Path(path.name.removesuffix(".gz")).suffix]
        with open_file(path) as stream:
            for quad in ox.parse(stream, format=syntax):
                _ = (str(quad.subject), str(quad.predicate), str(quad.object))

    times = [[_times(work) for work in (ours, plain)] for _ in range(repeats)]
    (wall, cpu), (plain_wall, plain_cpu) = (
        [min(run[which][unit] for run in times) for unit in (0, 1)] for which in (0, 1)
    )
    return {
        "name": name,
        "lines": lines,
        "ours": round(lines / wall),
        "plain": round(lines / plain_wall),
        "ratio": round(plain_wall / wall, 2),
        "ours_per_cpu_s": round(lines / cpu),
        "plain_per_cpu_s": round(lines / plain_cpu),
    }


def _times(work: Callable[[], None]) -> tuple[float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


if __name__ == "__main__":
    main()
