"""`python -m benchmarks.noise`: does plausibility tell one unreliable source's statements from the graph's own?

`noise.nt.gz` is mixed into `graph.nt.gz` with its labels and ontology. Scored are a sample of the noise, and as many
other triples of the graph over the same predicates, each without looking itself up. Beside it stand two plain
baselines: how often the predicate is used, and how often the two ends are.

What the ROC-AUC means: the chance that a triple of the graph scores above one of the noise. It is no accuracy. The
source of the noise agrees with others in 83.5 % of the values that can be checked, so most of what counts as noise here
may well be true, and even a perfect judge of truth could not come near 1.
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from benchmarks.record import data_file, write_record
from kg.clean.plausibility import plausibility
from kg.graph import LITERAL, Graph, codes, write_graph
from kg.sources.dump import read_dump
from kg.sources.options import SourceOptions
from kg.statements import Statements
from kg.triples import Triples
from retrieval.encoder import SentenceEncoder


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.noise", description=__doc__)
    parser.add_argument("--n", type=int, default=5000, help="triples of each kind that are scored")
    parser.add_argument("--no-names", action="store_true", help="without the names of the ends")
    options = parser.parse_args()
    names = ("graph", "labels", "ontology")
    own = pl.concat([_read(f"dbpedia/{name}.{'ttl' if name == 'ontology' else 'nt'}.gz") for name in names]).unique()
    noise = _read("dbpedia/noise.nt.gz").unique().join(own, on=["s", "p", "o"], how="anti")
    with tempfile.TemporaryDirectory() as folder:
        graph = write_graph(Path(folder), Triples.of(Statements.of(pl.concat([own, noise]))))
        noisy, own_rows = _sample(graph, noise, options.n)
        rows = np.concatenate([noisy, own_rows])
        results = measure(graph, rows, np.arange(len(rows)) < len(noisy), names=not options.no_names)
    for name, value in results.items():
        print(f"{name:42}{value}")
    write_record("noise", results, options=vars(options))


def measure(graph: Graph, rows: NDArray[np.int64], noisy: NDArray[np.bool_], *, names: bool) -> dict[str, float]:
    """ROC-AUC of graph against noise, by plausibility and by the baselines. rows: of the graph's triples."""
    s, p, o = (np.asarray(column)[rows] for column in (graph.s, graph.p, graph.o))
    s_iri, p_iri, o_iri = ([graph.iri_of(int(term)) for term in column] for column in (s, p, o))
    triples = list(zip(s_iri, p_iri, o_iri, strict=True))
    started = time.perf_counter()
    scores = plausibility(graph, triples, encode=SentenceEncoder().encode if names else None)
    duration_s = time.perf_counter() - started
    frequency = np.bincount(np.asarray(graph.p))[p]
    degree = np.log([(graph.degree(int(a))) * graph.degree(int(b)) for a, b in zip(s, o, strict=True)])
    columns = {"plausibility": scores, "predicate frequency": frequency, "entity degree": degree}
    areas = {name: round(float(roc_auc_score(~noisy, column)), 4) for name, column in columns.items()}
    areas["plausibility within tenths of degree"] = round(_within(scores, degree, ~noisy), 4)
    return {**areas, "noise": int(noisy.sum()), "graph": int((~noisy).sum()), "plausibility_s": round(duration_s, 1)}


def _within(scores: NDArray[np.float64], degree: NDArray[np.float64], own: NDArray[np.bool_]) -> float:
    """The mean ROC-AUC inside tenths of the triples by degree, weighted by their number of pairs."""
    tenth = np.argsort(np.argsort(degree, kind="stable")) * 10 // len(degree)
    parts = [np.flatnonzero(tenth == k) for k in range(10)]
    parts = [part for part in parts if 0 < own[part].sum() < len(part)]
    weights = [own[part].sum() * (~own[part]).sum() for part in parts]
    return float(np.average([roc_auc_score(own[part], scores[part]) for part in parts], weights=weights))


def _read(name: str) -> pl.DataFrame:
    pieces = list[pl.DataFrame]()
    read_dump(SourceOptions(str(data_file(name))), blank="b", take=pieces.append)
    return pl.concat(pieces).select("s", "p", "o")


def _sample(graph: Graph, noise: pl.DataFrame, n: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows of about n noisy triples between nodes, and of as many others of the same predicates."""
    draw = np.random.default_rng(0)
    terms = graph.terms.to_series()
    p, o = np.asarray(graph.p, np.int64), np.asarray(graph.o, np.int64)
    picked = noise.filter(~pl.col("o").str.starts_with('"')).sample(fraction=1.0, shuffle=True, seed=0)
    columns = [codes(picked[name], terms).astype(np.int64) for name in ("s", "p", "o")]
    noisy = np.array([graph.row_of(*triple) for triple in zip(*(column.tolist() for column in columns), strict=True)])
    own = np.setdiff1d(np.flatnonzero(np.asarray(graph.kind)[o] != LITERAL), noisy)
    chosen: list[NDArray[np.int64]] = []
    order = own[np.argsort(p[own], kind="stable")]
    predicates, counts = np.unique(p[noisy], return_counts=True)
    kept: list[NDArray[np.int64]] = []
    for predicate, count in zip(predicates.tolist(), counts.tolist(), strict=True):
        low, high = (np.searchsorted(p[order], predicate, side) for side in ("left", "right"))
        share = min(count, high - low, max(round(count * n / len(noisy)), 1))
        chosen.append(draw.choice(order[low:high], share, replace=False))
        kept.append(draw.choice(noisy[p[noisy] == predicate], share, replace=False))
    return np.concatenate(kept), np.concatenate(chosen)


if __name__ == "__main__":
    main()
