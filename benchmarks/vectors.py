"""`python -m benchmarks.vectors SNAPSHOT`: entity indexes by size, beside plain quantisers at the same sizes.

SNAPSHOT is a folder with `graph/` and `neighbours/` (a build with `--skip train` gives one). recall@10 is held against
exact search over the same vectors: for entities (their own vector left out) and for questions. Bytes are those of all
files of the index, codebooks and ids too, divided by the number of vectors.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import faiss
import numpy as np

from benchmarks.record import data_file, write_record
from kg.describe import describe_all
from kg.graph import Graph
from retrieval.cache import CachedEncoder
from retrieval.encoder import SentenceEncoder
from retrieval.index import described_entities
from retrieval.neighbours import Neighbours
from retrieval.options import EmbedOptions
from retrieval.quantise import Quantised, Rows, recall
from retrieval.vectors import EntityIndex, write_vectors

QUESTIONS = ("questions/lcquad-train.jsonl", "questions/qald9-train.jsonl")
PLAIN = ("SQ8", "SQ4", "PCA192,SQ8", "RaBitQ4", "RaBitQ2", "PQ96x8")
TRAIN = 32_768


def main() -> None:
    """Measures all forms."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.vectors", description=__doc__)
    parser.add_argument("snapshot", type=Path, help="folder with graph/ and neighbours/")
    parser.add_argument("--cache", type=Path, help="folder of embeddings (default: none are kept)")
    parser.add_argument("--queries", type=int, default=256, help="queries of each kind")
    options = parser.parse_args()
    faiss.omp_set_num_threads(1)
    graph = Graph.open(options.snapshot / "graph")
    entities = described_entities(graph, Neighbours.open(options.snapshot / "neighbours", graph))
    encoder = CachedEncoder(SentenceEncoder(), options.cache)
    rows = encoder.encode_rows(describe_all(graph, entities), progress="embed entities")
    own = np.sort(np.random.default_rng(1).choice(len(rows), min(options.queries, len(rows)), replace=False))
    asked = encoder.encode(read_questions(options.queries))
    results: list[dict[str, Any]] = []

    def measure(name: str, build: Callable[[Path], Quantised]) -> None:
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            started, used = time.perf_counter(), time.process_time()
            index = build(folder)
            wall, cpu = time.perf_counter() - started, time.process_time() - used
            size = sum(path.stat().st_size for path in folder.iterdir() if path.name != "encoder.json") / len(rows)
        used = time.process_time()
        index.search(asked, 10)
        query_ms = 1000 * (time.process_time() - used) / len(asked)
        found = {
            "index": name,
            "bytes": round(size, 1),
            "ratio": round(4 * rows.shape[1] / size, 2),
            "recall@10 entities": round(recall(rows, index, rows[own].astype(np.float32), own=own), 4),
            "recall@10 questions": round(recall(rows, index, asked), 4),
            "build_s": round(wall, 1),
            "build_cpu_s": round(cpu, 1),
            "query_ms": round(query_ms, 2),
        }
        results.append(found)
        print(json.dumps(found), flush=True)
        kinds = {"vectors": len(rows), "questions": len(asked), "entities": len(own)}
        write_record("vectors", results, options=kinds)  # after each, for the last ones take minutes

    for shrink in (16.0, 8.0, 4.0, 2.0):
        chosen = EmbedOptions(shrink=shrink)

        def ours(folder: Path, chosen: EmbedOptions = chosen) -> Quantised:
            write_vectors(folder, entities, rows, encoder, chosen)
            return EntityIndex.open(folder, encoder).quantised

        measure(f"ours, shrink = {shrink:g}", ours)
    for factory in PLAIN:

        def plain(folder: Path, factory: str = factory) -> Quantised:
            return plain_index(rows, factory, folder)

        measure(f"FAISS {factory}", plain)


def plain_index(rows: Rows, factory: str, folder: Path) -> Quantised:
    """An index by FAISS's own factory, trained on a sample; ids are written as they are."""
    metric = faiss.METRIC_L2 if factory.startswith("PCA") else faiss.METRIC_INNER_PRODUCT
    index = faiss.index_factory(rows.shape[1], factory, metric)
    sample = np.random.default_rng(0).choice(len(rows), min(len(rows), TRAIN), replace=False)
    index.train(rows[np.sort(sample)].astype(np.float32))
    for start in range(0, len(rows), TRAIN):
        index.add(rows[start : start + TRAIN].astype(np.float32))
    faiss.write_index(index, str(folder / "entities.faiss"))
    np.save(folder / "entities.npy", np.arange(len(rows), dtype=np.int32))
    return Quantised(index, None, factory)


def read_questions(count: int) -> list[str]:
    """The first questions of each file, half of `count` from each."""
    texts: list[str] = []
    for name in QUESTIONS:
        lines = data_file(name).read_text("utf-8").splitlines()[: count // len(QUESTIONS)]
        texts += [json.loads(line)["question"] for line in lines]
    return texts


if __name__ == "__main__":
    main()
