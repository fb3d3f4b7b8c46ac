"""`python -m benchmarks.searching SNAPSHOT`: entity vectors searched one by one, by a graph, and by cells.

SNAPSHOT is a folder with `graph/` and `neighbours/` (a build with `--skip train` gives one). All have a byte a
dimension; recall@10 is held against exact search, for entities that nothing was fitted to, their own vector left out.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import faiss
import numpy as np

from benchmarks.record import write_record
from kg.describe import describe_all
from kg.graph import Graph
from retrieval.cache import CachedEncoder
from retrieval.encoder import SentenceEncoder
from retrieval.index import described_entities
from retrieval.neighbours import Neighbours
from retrieval.quantise import quantise, recall

COUNTS = (50_000, 100_000, 350_000)
MEASURED = 128


def main() -> None:
    """Measures each way at each size."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.searching", description=__doc__)
    parser.add_argument("snapshot", type=Path, help="folder with graph/ and neighbours/")
    parser.add_argument("--cache", type=Path, help="folder of embeddings (default: none are kept)")
    options = parser.parse_args()
    faiss.omp_set_num_threads(1)
    graph = Graph.open(options.snapshot / "graph")
    entities = described_entities(graph, Neighbours.open(options.snapshot / "neighbours", graph))
    encoder = CachedEncoder(SentenceEncoder(), options.cache)
    every = encoder.encode_rows(describe_all(graph, entities), progress="embed entities")
    results: list[dict[str, Any]] = []
    for count in (count for count in COUNTS if count <= len(every)):
        rows = every[np.linspace(0, len(every) - 1, count).astype(np.int64)]
        own = np.sort(np.random.default_rng(1).choice(count, MEASURED, replace=False))
        queries = rows[own].astype(np.float32)
        for way in ("flat", "graph", "cells"):
            used = time.process_time()
            index = quantise(rows, rows.shape[1], without=own, way=way)
            build = time.process_time() - used
            with tempfile.TemporaryDirectory() as place:
                faiss.write_index(index.index, f"{place}/index")
                size = Path(place, "index").stat().st_size
            times = []
            for query in queries:
                used = time.process_time()
                index.search(query[None], 10)
                times.append(1000 * (time.process_time() - used))
            found = {
                "vectors": count,
                "way": way,
                "form": index.form,
                "recall@10": round(recall(rows, index, queries, own=own), 4),
                "query_ms_p50": round(float(np.percentile(times, 50)), 2),
                "query_ms_p99": round(float(np.percentile(times, 99)), 2),
                "bytes": round(size / count, 1),
                "build_cpu_s": round(build, 1),
            }
            results.append(found)
            print(json.dumps(found), flush=True)
            write_record("searching", results, options={"queries": MEASURED})


if __name__ == "__main__":
    main()
