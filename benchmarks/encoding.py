"""`python -m benchmarks.encoding SNAPSHOT`: our encoder beside `SentenceTransformer.encode` with its defaults.

The texts are descriptions of entities of a snapshot's graph, drawn with a fixed seed. recall@10 is the agreement of
each text's ten nearest among the others. Both run in turn, in one process, several times; the ratio is that of the
sums, by the clock and by processor time, which other work on the machine disturbs less.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.record import write_record
from kg.describe import describe_all
from kg.graph import Graph
from retrieval.encoder import SentenceEncoder
from retrieval.index import described_entities
from retrieval.neighbours import write_neighbours


def main() -> None:
    """Measures and prints both."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.encoding", description=__doc__)
    parser.add_argument("snapshot", type=Path, help="folder with graph/")
    parser.add_argument("--texts", type=int, default=4000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    import torch
    from sentence_transformers import SentenceTransformer

    graph = Graph.open(options.snapshot / "graph")
    with tempfile.TemporaryDirectory() as folder:
        entities = described_entities(graph, write_neighbours(Path(folder), graph))
    drawn = np.random.default_rng(0).choice(entities, min(options.texts, len(entities)), replace=False)
    texts = describe_all(graph, drawn)
    encoder = SentenceEncoder(device="cpu")
    model = SentenceTransformer(str(encoder.folder), device="cpu", local_files_only=True)
    encoder.encode(texts[:64])
    model.encode(texts[:64])
    spent = np.zeros((2, 2))
    for _ in range(options.rounds):
        plain, spent[0] = timed(lambda: model.encode(texts, show_progress_bar=False), spent[0])
        ours, spent[1] = timed(lambda: encoder.encode(texts), spent[1])
    wall, cpu = spent[0] / spent[1]
    results = {
        "texts": len(texts),
        "SentenceTransformer.encode": {"wall_s": round(float(spent[0, 0]), 2), "cpu_s": round(float(spent[0, 1]), 2)},
        "ours": {"wall_s": round(float(spent[1, 0]), 2), "cpu_s": round(float(spent[1, 1]), 2)},
        "ratio by the clock": round(float(wall), 2),
        "ratio by processor time": round(float(cpu), 2),
        "recall@10": round(agreement(plain, ours), 4),
        "recall@10 in float16": round(agreement(plain, ours.astype(np.float16).astype(np.float32)), 4),
        "form": encoder.form,
        "threads": torch.get_num_threads(),
    }
    for name, value in results.items():
        print(f"{name:28}{value}")
    write_record("encoding", results, options={"rounds": options.rounds})


def timed(
    work: Callable[[], NDArray[np.float32]], before: NDArray[np.float64]
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """What some work gives, and the seconds by the clock and of the processor, added to those before."""
    wall, cpu = time.perf_counter(), time.process_time()
    found = work()
    return found, before + np.array([time.perf_counter() - wall, time.process_time() - cpu])


def agreement(one: NDArray[np.float32], other: NDArray[np.float32], k: int = 10) -> float:
    """The share of the `k` nearest others by one set of vectors that are so by the other, mean over rows."""
    return float(np.mean([len(set(a) & set(b)) / k for a, b in zip(nearest(one, k), nearest(other, k), strict=True)]))


def nearest(vectors: NDArray[np.float32], k: int) -> list[list[int]]:
    """The `k` nearest others of each row, in no order."""
    scores = vectors @ vectors.T
    np.fill_diagonal(scores, -np.inf)
    found: list[list[int]] = np.argpartition(-scores, k, axis=1)[:, :k].tolist()
    return found


if __name__ == "__main__":
    main()
