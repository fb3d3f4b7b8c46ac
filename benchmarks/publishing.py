"""`python -m benchmarks.publishing`: from a dump to a published snapshot, without texts, embedding and training.

Beside it: pyoxigraph's own `bulk_load` of the same files to disk, and the plain way: an rdflib graph in
memory, PageRank by networkx, duplicates and identity by Python sets. Every way runs in a process of its own, whose
memory is summed over its children. On the development graph with its labels, and on generated graphs of 1 and 10
million triples with DBpedia's skew: Zipf predicates, power-law degrees.
"""

import argparse
import gzip
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.record import data_file, write_record

STEP_S = 0.05


def main() -> None:
    """Runs all ways, or with --way one of them in this process."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.publishing", description=__doc__)
    parser.add_argument("--millions", type=int, nargs="*", default=[1, 10], help="sizes of the generated graphs")
    parser.add_argument("--no-data", action="store_true", help="generated graphs only")
    parser.add_argument("--repeat", type=int, default=3, help="runs of ours and bulk_load; the fastest counts")
    parser.add_argument("--way", choices=sorted(WAYS), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--files", type=Path, nargs="*", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.way:
        WAYS[options.way](options.files, options.folder)
        return
    rows = []
    with tempfile.TemporaryDirectory() as place:
        if not options.no_data:
            files = [data_file(f"dbpedia/{name}.nt.gz") for name in ("graph", "labels")]
            rows.append(compare("graph.nt.gz + labels.nt.gz", files, Path(place), options.repeat, plain=True))
        for millions in options.millions:
            dump = Path(place) / f"{millions}m.nt"
            write_dump(dump, millions * 1_000_000)
            rows.append(compare(f"generated, {millions}M", [dump], Path(place), options.repeat, plain=False))
            dump.unlink()
    shown = {"millions": options.millions, "repeat": options.repeat}
    write_record("publishing", rows, options=shown)


def compare(name: str, files: list[Path], place: Path, repeat: int, *, plain: bool) -> dict[str, object]:
    """Seconds and peak memory of every way, printed."""
    row: dict[str, object] = {"input": name}
    for way in ("bulk_load", "ours", *(["plain"] if plain else [])):
        runs = [run(way, files, place / "made") for _ in range(1 if way == "plain" else repeat)]
        row[f"{way}_s"] = min(seconds for seconds, _ in runs)
        row[f"{way}_peak_gib"] = max(peak for _, peak in runs)
        print(f"{name:28}{way:12}{row[f'{way}_s']:9.2f} s{row[f'{way}_peak_gib']:8.2f} GiB", flush=True)
    row["ratio_to_bulk_load"] = round(float(str(row["ours_s"])) / float(str(row["bulk_load_s"])), 3)
    if plain:
        row["times_faster_than_plain"] = round(float(str(row["plain_s"])) / float(str(row["ours_s"])), 1)
    print(f"{name:28}ours / bulk_load = {row['ratio_to_bulk_load']}", flush=True)
    return row


def run(way: str, files: list[Path], folder: Path) -> tuple[float, float]:
    """(seconds that the work says it took, peak GiB of the process and its children)."""
    shutil.rmtree(folder, ignore_errors=True)
    command = [sys.executable, "-m", "benchmarks.publishing", "--way", way, "--folder", str(folder), "--files"]
    peak = 0
    with subprocess.Popen([*command, *map(str, files)], stdout=subprocess.PIPE, text=True) as process:
        while process.poll() is None:
            peak = max(peak, memory_of(process.pid))
            time.sleep(STEP_S)
        said = process.stdout.read() if process.stdout else ""
    shutil.rmtree(folder, ignore_errors=True)
    if process.returncode:
        raise SystemExit(f"{way} failed with status {process.returncode}")
    return round(float(said), 3), round(peak / 2**30, 3)


def memory_of(pid: int) -> int:
    """Bytes of memory of a process and its descendants; what they share counts once (proportional set size)."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    own = next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)
    return own + sum(memory_of(int(child)) for child in children)


def ours(files: list[Path], folder: Path) -> None:
    """The steps of `limbeck build --skip text --skip embed --skip train`, without Prefect around them."""
    from flows import pipeline
    from flows.config import Config
    from kg.clean import clean
    from kg.snapshot import new_folder, write_lock
    from kg.sources import SourceOptions, pull, write_pulled

    config = Config(sources=tuple(SourceOptions(str(path)) for path in files))
    started = time.perf_counter()
    with write_lock(folder), new_folder(folder) as made:
        pulled = pull(config.sources)
        write_pulled(made, pulled)
        cleaned = clean(pulled.statements, config.clean)
        facts = pipeline.publish_graph(made, cleaned, pipeline.no_texts(pulled, cleaned), config)
        pipeline.finish_snapshot(folder, made, facts, config, {})
    print(time.perf_counter() - started)


def bulk_load(files: list[Path], folder: Path) -> None:
    """pyoxigraph's own way: the files into a store on disk."""
    import pyoxigraph as ox

    started = time.perf_counter()
    store = ox.Store(str(folder))
    for path in files:
        if path.suffix == ".gz":
            with gzip.open(path) as stream:
                store.bulk_load(stream, format=ox.RdfFormat.N_TRIPLES)
        else:
            store.bulk_load(path=str(path), format=ox.RdfFormat.N_TRIPLES)
    store.flush()
    print(time.perf_counter() - started)


def plain(files: list[Path], folder: Path) -> None:
    """What a script would do: rdflib in memory, sets of triples, PageRank by networkx, N-Triples written out."""
    import networkx as nx
    import rdflib

    started = time.perf_counter()
    graph = rdflib.Graph()
    for path in files:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as stream:
            graph.parse(stream, format="nt")
    seen = {(s, p, o) for s, p, o in graph if not (isinstance(o, rdflib.Literal) and o.language not in (None, "en"))}
    links = nx.DiGraph((s, o) for s, _, o in seen if isinstance(o, rdflib.URIRef))
    nx.pagerank(links)
    folder.mkdir(parents=True)
    with open(folder / "graph.nt", "w", encoding="utf-8") as file:
        for s, p, o in sorted(seen):
            file.write(f"{s.n3()} {p.n3()} {o.n3()} .\n")
    print(time.perf_counter() - started)


def write_dump(path: Path, triples: int) -> None:
    """A graph with Zipf predicates and power-law degrees, fixed seed; a fifth of the objects are literals."""
    draw = np.random.default_rng(0)
    entities = max(triples // 5, 10)
    base = "http://example.org"
    with path.open("w", encoding="utf-8") as file:
        for start in range(0, triples, 1_000_000):
            count = min(1_000_000, triples - start)
            s = (entities * draw.power(3, count)).astype(int)
            o = (entities * (1 - draw.power(4, count))).astype(int)
            p = np.minimum(draw.zipf(1.6, count), 500)
            literal = draw.random(count) < 0.2
            frame = pl.DataFrame({"s": s, "p": p, "o": o, "literal": literal}).select(
                pl.when("literal")
                .then(pl.format(f'<{base}/resource/{{}}> <{base}/ontology/v{{}}> "{{}}" .', "s", "p", "o"))
                .otherwise(
                    pl.format(f"<{base}/resource/{{}}> <{base}/ontology/p{{}}> <{base}/resource/{{}}> .", "s", "p", "o")
                )
            )
            file.write("\n".join(frame.to_series().to_list()) + "\n")


WAYS = {"ours": ours, "bulk_load": bulk_load, "plain": plain}

if __name__ == "__main__":
    main()
