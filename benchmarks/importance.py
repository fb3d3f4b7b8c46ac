"""`python -m benchmarks.importance`: summaries of entities against six human ones each, on ESBM's development part.

F at 5 and 10 of our order, not trained and trained on the other entities (five folds), with a graph that holds the
entities' descriptions, one that knows some of the entities, and none; beside random, predicate frequency, and published
figures, which are over all 125 DBpedia entities. The weights that are not trained were chosen on this very data, so the
last lines ask what that is worth: other weights, drawn at random, and the best of these chosen on the other folds.
"""

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.record import data_file, write_record
from evaluation.baselines import at_random, predicate_counts, predicate_frequency
from evaluation.gold import Description, read_importance
from evaluation.metrics import f_at_k
from kg.clean import CleanOptions, Ranker, clean, finish, rank_triples, train_ranker
from kg.clean.ranker import UNTRAINED
from kg.graph import Graph, write_graph
from kg.sources import SourceOptions, pull
from limbeck.systems import examples

PUBLISHED = {"RELIN": (0.242, 0.455), "CD": (0.283, 0.513), "KAFCA": (0.314, 0.509), "BAFREC": (0.335, 0.503)}
FOLDS = 5
Scores = NDArray[np.float64]


def main() -> None:
    """Prints the tables and writes `benchmarks/importance.json`."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.importance", description=__doc__)
    parser.add_argument("--graphs", nargs="*", default=["dbpedia/graph-100k.nt.gz", "dbpedia/graph.nt.gz"])
    parser.add_argument("--draws", type=int, default=40, help="random weights to compare with")
    options = parser.parse_args()
    gold = read_importance(data_file("pruning/esbm-dev.jsonl"))
    fold = np.random.default_rng(0).permutation(len(gold)) % FOLDS
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as place:
        for name in (None, *options.graphs):
            graph = None if name is None else built(name, Path(place) / f"{len(rows)}")
            known = sum(graph is not None and graph.id_of(item.entity) >= 0 for item in gold)
            for method, scores in measured(gold, graph, fold, options.draws).items():
                at5, at10 = scores
                rows.append({"graph": name, "known": known, "method": method, "f@5": at5, "f@10": at10})
                print(f"{name or 'no graph':26}{method:52}{at5:8.3f}{at10:8.3f}", flush=True)
    for method, (at5, at10) in PUBLISHED.items():
        print(f"{'published, 125 entities':26}{method:52}{at5:8.3f}{at10:8.3f}")
    write_record("importance", {"measured": rows, "published": PUBLISHED}, options=vars(options))


def built(name: str, folder: Path) -> Graph:
    """The graph of a file of the development data."""
    cleaned = clean(pull([SourceOptions(str(data_file(name)))]).statements, CleanOptions())
    made = finish(cleaned.statements, CleanOptions())
    return write_graph(folder, made.triples, rank=made.rank)


def measured(
    gold: list[Description], graph: Graph | None, fold: NDArray[np.int64], draws: int
) -> dict[str, tuple[float, float]]:
    """By method, the mean F at 5 and at 10."""
    frequency = predicate_counts(graph) if graph is not None else {}
    plain = {"random": at_random, "predicate frequency": predicate_frequency(lambda p: frequency.get(p, 0))}
    found = {
        name: np.array([scored(item, np.argsort(-np.array(score(item.triples)), kind="stable")) for item in gold])
        for name, score in plain.items()
    }
    found["ours, not trained"] = of_ranker(gold, UNTRAINED, graph)
    trained = np.zeros((len(gold), 2))
    for own in range(FOLDS):
        ranker = train_ranker(examples([gold[i] for i in np.flatnonzero(fold != own)]), graph=graph)
        trained[fold == own] = of_ranker([gold[i] for i in np.flatnonzero(fold == own)], ranker, graph)
    found["ours, trained on the other entities"] = trained
    others = np.array([of_ranker(gold, ranker, graph) for ranker in drawn(draws)])
    found["not trained, mean of random weights"] = others.mean(axis=0)
    found["not trained, best random weights of the other folds"] = np.concatenate(
        [others[others[:, fold != own].mean(axis=(1, 2)).argmax(), fold == own] for own in range(FOLDS)]
    )
    return {name: (round(float(v[:, 0].mean()), 4), round(float(v[:, 1].mean()), 4)) for name, v in found.items()}


def drawn(draws: int) -> list[Ranker]:
    """Rankers with the weights that need no training, each times a random factor between a third and three."""
    factor = 3 ** np.random.default_rng(0).uniform(-1, 1, (draws, len(UNTRAINED.weights) + 1))
    rankers = []
    for *factors, last in factor.tolist():
        weights = {name: x * weight for x, (name, weight) in zip(factors, UNTRAINED.weights.items(), strict=True)}
        rankers.append(Ranker(weights, last * UNTRAINED.repeated))
    return rankers


def of_ranker(gold: list[Description], ranker: Ranker, graph: Graph | None) -> Scores:
    """F at 5 and 10 by entity, shape (n, 2)."""
    return np.array(
        [scored(item, rank_triples(item.triples, entity=item.entity, graph=graph, ranker=ranker)) for item in gold]
    )


def scored(item: Description, order: Any) -> tuple[float, float]:
    """F at 5 and at 10 of one order of an entity's triples."""
    best = [int(place) for place in order]
    return f_at_k(best, item.top5, k=5), f_at_k(best, item.top10, k=10)


if __name__ == "__main__":
    main()
