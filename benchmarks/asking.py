"""`python -m benchmarks.asking WORKSPACE QUESTIONS…`: how long an answer takes, in calls of the encoder.

For each question in turn one call of the encoder on it, its retrieval, and the teacher's answer to what was retrieved:
medians and 99th percentiles, by the clock and by processor time, as multiples of that call. Then a hundred questions at
once against one by one, and the memory of the process after each. With `--smaller` the same questions are asked of a
smaller graph in turn, to tell what size costs.
"""

import argparse
import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.record import write_record
from limbeck.knowledge_base import KnowledgeBase, open_knowledge_base
from retrieval.question import read_questions

BATCH = 100
Times = dict[str, list[tuple[float, float]]]


def main() -> None:
    """Measures, prints and records."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.asking", description=__doc__)
    parser.add_argument("workspace", type=Path)
    parser.add_argument("questions", type=Path, nargs="+")
    parser.add_argument("--limit", type=int, default=200)
    parser.add_argument("--smaller", type=Path, help="a workspace with a smaller graph")
    options = parser.parse_args()
    kb = open_knowledge_base(options.workspace)
    asked = [q.question for path in options.questions for q in read_questions(path)]
    asked = asked[:: max(len(asked) // options.limit, 1)][: options.limit]
    results = measure(kb, asked)
    if options.smaller:
        results |= compare(open_knowledge_base(options.smaller), kb, asked)
    for name, value in results.items():
        print(name, value)
    write_record("asking", results, options={"questions": [path.name for path in options.questions]})


def measure(kb: KnowledgeBase, asked: list[str]) -> dict[str, Any]:
    """What the docstring says, over one snapshot."""
    answerer = kb.answerer(kb.live_model)
    kb.ask(asked[0])
    times: Times = {"encoder": [], "retrieval": [], "teacher": []}
    for question in asked:
        timed(times["encoder"], lambda q=question: kb.encoder.encode([q]))
        found = timed(times["retrieval"], lambda q=question: kb.retriever.retrieve(q))
        timed(times["teacher"], lambda q=question, f=found: answerer.predict([q], [f.evidence]))
    columns = {name: np.array(rows) for name, rows in times.items()}
    one = np.median(columns["encoder"], axis=0)
    results: dict[str, Any] = {"n": len(asked), "encoder call, ms": (one * 1000).round(2).tolist()}
    for name in ("retrieval", "teacher"):
        for share in (50, 99):
            calls = np.percentile(columns[name], share, axis=0) / one
            results[f"{name} p{share}, encoder calls (clock, processor)"] = calls.round(2).tolist()
    results["memory after single questions, MiB (peak)"] = peak()
    batch = asked[:BATCH]
    for name, whole, single in (
        ("retrieval", kb.retriever.retrieve_many, kb.retriever.retrieve),
        ("answers", kb.ask_many, kb.ask),
    ):
        together: list[tuple[float, float]] = []
        alone: list[tuple[float, float]] = []
        timed(together, lambda w=whole: w(batch))
        timed(alone, lambda s=single: [s(question) for question in batch])
        ratio = np.array(alone[0]) / np.array(together[0])
        results[f"{len(batch)} {name} at once, times as fast (clock, processor)"] = ratio.round(2).tolist()
    results["memory after batches, MiB (peak)"] = peak()
    return results


def compare(small: KnowledgeBase, large: KnowledgeBase, asked: list[str]) -> dict[str, Any]:
    """How many times as long retrieval by mentions takes in the larger graph."""
    both: tuple[list[tuple[float, float]], list[tuple[float, float]]] = ([], [])
    for question in asked:
        for times, kb in zip(both, (small, large), strict=True):
            timed(times, lambda q=question, r=kb.retriever: r.retrieve(q, mode="graph"))
    size = len(large.retriever.neighbours.graph.s) / len(small.retriever.neighbours.graph.s)
    name = f"a graph {size:.1f} times as large, times as long"
    return {
        f"{name}, p{share} (clock, processor)": np.divide(
            *(np.percentile(np.array(times), share, axis=0) for times in both[::-1])
        )
        .round(2)
        .tolist()
        for share in (50, 99)
    }


def peak() -> int:
    """The most memory that the process has had, MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def timed(rows: list[tuple[float, float]], work: Callable[[], Any]) -> Any:
    """The result of some work; adds (seconds by the clock, seconds of the processor)."""
    clock, processor = time.perf_counter(), time.process_time()
    result = work()
    rows.append((time.perf_counter() - clock, time.process_time() - processor))
    return result


if __name__ == "__main__":
    main()
