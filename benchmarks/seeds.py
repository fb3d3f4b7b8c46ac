"""`python -m benchmarks.seeds SNAPSHOT [--fit]`: are the entities that a question asks about among its seeds?

For each set of questions: the share of those whose named entities are all among the first 5, 10 and 20 seeds, and the
processor time of one question. Beside it, in the same run: the longest names that match as they stand, with the prior
alone. Only one half of the questions, by entity; `--fit` fits the weights of `kg.linking.belief` to the other half of
the QALD sets, as they are and in lower case, and prints them.
"""

import argparse
import hashlib
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.record import data_file, write_record
from kg.graph import Graph
from kg.linking.aliases import Aliases
from kg.linking.belief import WEIGHTS, candidates, features
from kg.linking.candidates import find_names
from kg.linking.english import blank_english
from kg.linking.mentions import find_spans
from kg.linking.question import read_words
from kg.linking.sentences import mark_sentences
from retrieval.mentioned import mentioned

SETS = ("lcquad-train", "qald9-train", "qald78-train", "simpledbpediaqa-valid")
FITTED = ("qald9-train", "qald78-train")
"""Sets under a licence that allows weights fitted to them to be given away (MIT)."""
FIRST = (5, 10, 20)
NAMESAKES = 3


def main() -> None:
    """Prints and records the shares, or prints fitted weights."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.seeds", description=__doc__)
    parser.add_argument("snapshot", type=Path, help="its folder")
    parser.add_argument("--fit", action="store_true")
    options = parser.parse_args()
    graph, aliases = Graph.open(options.snapshot / "graph"), Aliases.open(options.snapshot / "aliases")
    if options.fit:
        for name, weight in zip(WEIGHTS, fit(graph, aliases), strict=True):
            print(f'"{name}": {weight:.2f},')
        return
    nlp = blank_english()

    def plain(question: str) -> list[int]:
        (spans,) = find_spans([mark_sentences(nlp.make_doc(question))], aliases, question=True)
        rows = [aliases.span(span.row) for span in spans]
        return [int(e) for row in rows for e in aliases.candidate[row][:NAMESAKES]]

    def ours(question: str) -> list[int]:
        return [seed.entity for seed in mentioned(question, aliases)]

    results = {
        name: {"n": len(asked), "ours": measure(ours, asked), "names as they stand": measure(plain, asked)}
        for name in SETS
        if (asked := [row for row in questions(name, graph, held_out=True) if row[1]])
    }
    for name, row in results.items():
        print(name, json.dumps(row))
    write_record("seeds", results)


def questions(name: str, graph: Graph, *, held_out: bool) -> Iterator[tuple[str, list[int]]]:
    """(question, the entities of the graph that it names) of one half of a set; those that the graph cannot answer are
    left out, and those that name nothing are kept."""
    table = [line.split("\t") for line in data_file("questions/derivable.tsv").read_text("utf-8").splitlines()[1:]]
    derivable = {number for _, number, whole, _ in table if whole != "none"}
    for line in data_file(f"questions/{name}.jsonl").read_text("utf-8").splitlines():
        item = json.loads(line)
        key = min(item["entities"], default=item["id"])
        if hashlib.sha256(key.encode()).digest()[0] % 2 != held_out:
            continue
        entities = [entity for iri in item["entities"] if (entity := graph.id_of(iri)) >= 0]
        if not item["entities"] or (entities and item["id"] in derivable):
            yield item["question"], entities


def measure(find: Callable[[str], list[int]], asked: list[tuple[str, list[int]]]) -> dict[str, float]:
    """Shares of questions, and milliseconds."""
    find(asked[0][0])
    times, hits = [], np.zeros(len(FIRST))
    for question, gold in asked:
        started = time.thread_time()
        found = find(question)
        times.append((time.thread_time() - started) * 1000)
        hits += [set(gold) <= set(found[:first]) for first in FIRST]
    shares = {f"all@{first}": round(float(hit) / len(asked), 3) for first, hit in zip(FIRST, hits, strict=True)}
    return shares | {"p50_ms": round(float(np.median(times)), 2), "p99_ms": round(float(np.quantile(times, 0.99)), 2)}


def fit(graph: Graph, aliases: Aliases) -> np.ndarray[Any, np.dtype[np.float64]]:
    """The weights by maximum likelihood on that half of `FITTED` which is not held out."""
    from sklearn.linear_model import LogisticRegression

    values, right = [], []
    for name in FITTED:
        for written, gold in questions(name, graph, held_out=False):
            for question in (written, written.lower()):
                words = read_words(question)
                found = find_names(words, aliases)
                span, at = candidates(found, aliases)
                values.append(features(words, found, aliases, span, at))
                right.append(np.isin(aliases.candidate[at], gold))
    model = LogisticRegression(C=0.3, max_iter=5000, fit_intercept=False)
    weights: np.ndarray[Any, np.dtype[np.float64]] = (
        model.fit(np.concatenate(values), np.concatenate(right)).coef_[0].astype(np.float64)
    )
    return weights


if __name__ == "__main__":
    main()
