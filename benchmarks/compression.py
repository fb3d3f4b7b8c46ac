"""`python -m benchmarks.compression`: what a budget costs, on the development data's `graph.nt.gz`.

At 25, 50 and 75 % of the triples: the share of the questions of QALD-9 and LC-QuAD (train) that are still answerable,
of those that their gold SPARQL answers on the whole graph (`questions/derivable.tsv`: exact or partial), pruned by
worth and by plain orders. Pruning is told nothing of the questions; what was tried on the way was compared on the half
of them called `tuning`, and the other half shows what it is worth. Then sizes on disk, estimated and written.
"""

import argparse
import hashlib
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmarks.record import data_file, seconds, write_record
from evaluation.answerable import still_answerable
from kg.clean import CleanOptions, clean, disk_bytes, finish, prune, triple_worth
from kg.clean.importance import entity_rank, group_sizes, triple_importance
from kg.clean.prune import keep_order
from kg.graph import LITERAL, kinds, write_graph
from kg.merges import Merges, write_merges
from kg.provenance import write_provenance
from kg.sources import SourceOptions, pull
from kg.statements import Statements, compact
from kg.store import write_store
from retrieval.question import Question, read_questions

SETS = ("qald9-train", "lcquad-train")
SHARES = (0.25, 0.5, 0.75)
Ids = NDArray[np.int32]
Keys = NDArray[Any]


@dataclass(frozen=True)
class Columns:
    """A graph's distinct triples, sorted; kind, rank and degree (literals 0) by term; the log of merges."""

    terms: pl.Series
    s: Ids
    p: Ids
    o: Ids
    kind: NDArray[np.uint8]
    rank: NDArray[np.float64]
    degree: NDArray[np.int64]
    merges: Merges


def main() -> None:
    """Prints the tables and writes `benchmarks/compression.json`."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.compression", description=__doc__)
    parser.add_argument("--graph", default="dbpedia/graph.nt.gz", help="a graph of the development data")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        cleaned = clean(pull([SourceOptions(str(data_file(options.graph)))]).statements, CleanOptions())
        graph = columns_of(cleaned.statements, write_merges(Path(place) / "merges", cleaned.merges))
        questions = answered_questions()
        results = {"triples": len(graph.s), "questions": len(questions), "answerable": answerable(graph, questions)}
        results["disk"] = disk(cleaned.statements, graph, Path(place))
    write_record("compression", results, options=vars(options))


def columns_of(statements: Statements, merges: Merges) -> Columns:
    """The distinct triples of clean statements."""
    statements = compact(statements.terms, statements.rows)
    s, p, o = statements.triples()
    kind = kinds(statements.terms, s, p, o)
    degree = sum(np.bincount(ends, minlength=len(kind)) for ends in (s, o)) * (kind != LITERAL)
    return Columns(statements.terms, s, p, o, kind, entity_rank(s, o, kind), degree, merges)


def answered_questions() -> list[Question]:
    """The questions whose gold SPARQL gives an answer on the whole graph."""
    rows = pl.read_csv(data_file("questions/derivable.tsv"), separator="\t", quote_char=None)
    given = set(rows.filter(pl.col("graph") != "none")["id"])
    return [q for name in SETS for q in read_questions(data_file(f"questions/{name}.jsonl")) if q.id in given]


def answerable(graph: Columns, questions: list[Question]) -> list[dict[str, Any]]:
    """For each order of the triples and each share: the share of questions still answerable."""
    rows = []
    print(f"{'kept by':58}" + "".join(f"{share:>9.0%}{'tuning':>8}{'other':>7}" for share in SHARES))
    for name, order_of in orders(graph).items():
        order = order_of()
        for share in SHARES:
            keep = np.zeros(len(order), bool)
            keep[order[: int(np.ceil(share * len(order)))]] = True
            still = still_answerable(
                questions, graph.terms, graph.s, graph.p, graph.o, keep, canonical=graph.merges.canonical_many
            )
            rows.append({"kept_by": name, "share": share, **shares(still)})
        told = "".join(f"{row['all']:>9.3f}{row['tuning']:>8.3f}{row['other']:>7.3f}" for row in rows[-len(SHARES) :])
        print(f"{name:58}{told}", flush=True)
    return rows


def orders(graph: Columns) -> dict[str, Callable[[], Keys]]:
    """By name, the rows best first: ours, plain ones, and what was tried on the way."""
    s, p, o = graph.s, graph.p, graph.o
    frequency = np.bincount(p)[p]
    ends = np.log(np.maximum(graph.rank, graph.rank[graph.rank > 0].min()))
    both = ends[s] + ends[o]
    degree = graph.degree
    values = np.log(group_sizes(p, o))

    def by(score: Keys) -> Keys:
        shuffled = np.random.default_rng(0).permutation(len(score))
        return shuffled[np.argsort(-score[shuffled], kind="stable")]

    def within(score: Keys, power: float) -> Keys:
        """By the place among the triples of the predicate over a power of their number."""
        order = np.lexsort((-score, p))
        start = np.searchsorted(p[order], p[order], side="left")
        place = np.empty(len(order))
        place[order] = np.arange(len(order)) - start + 1
        return by(-place / frequency**power)

    return {
        "ours: worth, names and classes with their entity": lambda: keep_order(
            graph.terms, s, p, o, triple_worth(s, p, o, rank=graph.rank)
        ),
        "random": lambda: by(np.zeros(len(s))),
        "predicate frequency, the frequent first": lambda: by(frequency),
        "degree, the sum over both ends": lambda: by(degree[s] + degree[o]),
        "tried: worth alone": lambda: by(triple_worth(s, p, o, rank=graph.rank)),
        "tried: importance within an entity": lambda: by(
            triple_importance(s, p, o, terms=graph.terms, rank=graph.rank)
        ),
        "tried: the lower degree of both ends": lambda: by(np.minimum(degree[s], degree[o])),
        "tried: PageRank of the subject": lambda: by(ends[s]),
        "tried: PageRank of both ends": lambda: by(both),
        "tried: rare predicates first": lambda: by(-frequency),
        "tried: the same share of each predicate, by PageRank": lambda: within(both, 1.0),
        "tried: the root of each predicate, by PageRank": lambda: within(both, 0.5),
        "tried: the same number of each predicate, by PageRank": lambda: within(both, 0.0),
        "tried: the root of each predicate, by worth": lambda: within(both - values, 0.5),
        "tried: worth without the predicate's frequency": lambda: by(both - values - np.log(group_sizes(s, p))),
        "tried: worth, of two predicates of one pair the second last": lambda: by(
            triple_worth(s, p, o, rank=graph.rank) - 4.0 * _repeated(s, o, frequency)
        ),
    }


def _repeated(s: Ids, o: Ids, frequency: Keys) -> NDArray[np.bool_]:
    """The rows whose two ends are joined by a more frequent predicate as well, in either direction."""
    low, high = np.minimum(s, o), np.maximum(s, o)
    order = np.lexsort((-frequency, high, low))
    same = (np.diff(low[order], prepend=-1) == 0) & (np.diff(high[order], prepend=-1) == 0)
    repeated = np.zeros(len(s), bool)
    repeated[order] = same
    return repeated


def shares(still: dict[str, bool]) -> dict[str, float]:
    """The share of questions still answerable: of all, of the two halves, of each set."""
    frame = pl.DataFrame({"id": list(still), "still": list(still.values())})
    tuning = [int(hashlib.sha256(name.encode()).hexdigest(), 16) % 2 == 0 for name in still]
    parts = {
        "all": frame["still"],
        "tuning": frame.filter(tuning)["still"],
        "other": frame.filter(~pl.Series(tuning))["still"],
        **{name: frame.filter(pl.col("id").str.starts_with(name))["still"] for name in SETS},
    }
    return {"n": len(frame), **{name: round(float(part.mean() or 0), 4) for name, part in parts.items()}}  # type: ignore[arg-type]


def disk(statements: Any, graph: Columns, folder: Path) -> list[dict[str, Any]]:
    """Bytes estimated and written: the whole graph, and under budgets in bytes."""
    s, p, o = graph.s, graph.p, graph.o
    worth = triple_worth(s, p, o, rank=graph.rank)
    whole = disk_bytes(graph.terms, s, p, o)
    rows = []
    for limit in (None, *(int(share * whole) for share in SHARES)):
        options = CleanOptions(budget=1.0 if limit is None else f"{limit} B")
        duration = seconds(partial(prune, graph.terms, s, p, o, worth, options.kept))
        made = finish(statements, options)
        at = folder / f"{limit}"
        write_graph(at / "graph", made.triples, rank=made.rank)
        write_store(at / "store", made.triples)
        write_provenance(at / "provenance", made.support, [], [])
        written = sum(file.stat().st_size for file in at.rglob("*") if file.is_file())
        estimate = whole if limit is None else limit
        rows.append({"triples": len(made.triples), "estimate": estimate, "written": written, "prune_s": duration})
        print(
            f"{len(made.triples):>9,} triples: estimated {estimate / 1e6:.1f} MB, written {written / 1e6:.1f} MB "
            f"({written / estimate:.1%}), pruned in {duration:.1f} s",
            flush=True,
        )
    return rows


if __name__ == "__main__":
    main()
