"""Cleaning's parts one by one: normal forms of terms, checks against an ontology, folding of properties.

Beside each a plain baseline in the same run: terms one by one through Oxigraph's own parser; the ontology's domains and
ranges against stated types alone. Needs the development data, for what the checks find.
"""

import argparse
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyoxigraph as ox

from benchmarks.record import data_file, write_record
from kg.clean.fold import fold
from kg.clean.iris import normal_iris
from kg.clean.literals import UNITS, XSD, normal_literals
from kg.clean.ontology import Ontology, find, read_ontology
from kg.clean.violations import violations
from kg.sources import SourceOptions, pull
from kg.statements import keys
from kg.terms import iri_term

BATCHES = 2


def main() -> None:
    """Runs all parts and writes the record."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cleaning", description=__doc__)
    parser.add_argument("--terms", type=int, default=2_000_000, help="distinct terms of each kind")
    parser.add_argument("--copies", type=int, default=5, help="copies of the graph, for a larger one")
    options = parser.parse_args()
    results = {"terms": terms(options.terms)} | graph(options.copies)
    print(json.dumps(results, indent=1))
    write_record("cleaning", results, options=vars(options))


def terms(n: int) -> dict[str, dict[str, float]]:
    """Millions of terms a second of processor time, and the memory they take above their own, by kind of term."""
    made: dict[str, Callable[[], pl.Series]] = {
        "literals in normal form": lambda: _literals(n, '"Label {}"@en', '"Plain text {}"', f'"{{}}"^^<{XSD}integer>'),
        "literals to change": lambda: _literals(
            n // 10, '" Label {}"@EN', f'"{{}}.0"^^<{XSD}double>', f'"1.{{}}E7"^^<{UNITS}kilometre>'
        ),
        "IRIs in normal form": lambda: _literals(n, "<http://dbpedia.org/resource/Some_Name_{}>"),
        "percent-encoded IRIs": lambda: _literals(n // 50, "<http://dbpedia.org/resource/Ir%C3%A8ne_{}>"),
    }
    results = {}
    for name, make in made.items():
        column = make().sort()
        _reset_peak()
        before = _memory("VmRSS")
        started = time.process_time()
        found = normal_literals(column, ("en",)) if column[0][0] == '"' else normal_iris(column)
        took = time.process_time() - started
        peak = _memory("VmHWM") - before
        few = column.head(min(len(column), 100_000))
        started = time.process_time()
        for term in few:
            list(ox.parse(f"<x:s> <x:p> {term} .", format=ox.RdfFormat.N_TRIPLES))
        plain = time.process_time() - started
        results[name] = {
            "million_a_second": round(len(found) / took / 1e6, 2),
            "plain_million_a_second": round(len(few) / plain / 1e6, 2),
            "bytes_a_term": round(peak / len(column), 1),
        }
    return results


def graph(copies: int) -> dict[str, Any]:
    """What the checks and the folding find in the development graph, and what they cost on it and on copies of it."""
    statements = pull([SourceOptions(str(data_file("dbpedia/graph.nt.gz")))]).statements
    names = statements.terms
    columns = s, p, o = (
        statements.rows["s"].to_numpy(),
        statements.rows["p"].to_numpy(),
        statements.rows["o"].to_numpy(),
    )
    ontology = read_ontology(data_file("dbpedia/ontology.ttl.gz"))
    results: dict[str, Any] = {"triples": len(statements)}
    found, results["ontology"] = _timed(lambda: violations(names, s, p, o, ontology))
    results["flagged"] = dict(found.drop_nulls().cast(pl.String).value_counts().sort("violation").iter_rows())
    results["factbench"] = factbench(names, columns, ontology)
    (predicates, _), results["fold"] = _timed(lambda: fold(names, s, p, o))
    results["folded"] = int((predicates != p).sum())
    many_names, (s, p, o) = _copied(names, columns, copies)
    results["copies"] = {
        "triples": len(s),
        "ontology": _timed(lambda: violations(many_names, s, p, o, ontology))[1],
        "fold": _timed(lambda: fold(many_names, s, p, o))[1],
    }
    return results


def factbench(names: pl.Series, columns: Sequence[Any], ontology: Ontology) -> dict[str, Any]:
    """The share of FactBench's true and false triples that are flagged when a part of them stands in the graph."""
    lines = [json.loads(line) for line in data_file("pruning/factbench-train.jsonl").read_text("utf-8").splitlines()]
    results: dict[str, Any] = {}
    for true in (True, False):
        triples = [[iri_term(term) for term in line["triple"]] for line in lines if line["true"] == true]
        frame = pl.DataFrame(triples, schema=["s", "p", "o"], orient="row").unique(maintain_order=True)
        ids = [find(frame[name], names) for name in ("s", "p", "o")]
        known = np.flatnonzero(np.min(ids, axis=0) >= 0)
        flagged = 0
        for batch in range(BATCHES):
            rows = known[batch::BATCHES]
            both = [np.concatenate([x, y[rows].astype(x.dtype)]) for x, y in zip(columns, ids, strict=True)]
            _, first, back = np.unique(keys(both[0], both[1], both[2]), return_index=True, return_inverse=True)
            s, p, o = (x[first] for x in both)
            found = violations(names, s, p, o, ontology).is_not_null().to_numpy()
            flagged += int(found[back[len(columns[0]) :]].sum())
        results[str(true).lower()] = {
            "triples": len(known),
            "flagged": flagged,
            "share": round(flagged / len(known), 4),
        }
    return results


def _literals(n: int, *patterns: str) -> pl.Series:
    number = pl.int_range(n, eager=True).alias("n").to_frame()
    shares = [number.gather_every(len(patterns), i) for i in range(len(patterns))]
    return pl.concat(
        [share.select(pl.format(text, "n")).to_series() for share, text in zip(shares, patterns, strict=True)]
    )


def _copied(names: pl.Series, columns: Sequence[Any], copies: int) -> tuple[pl.Series, list[Any]]:
    """The graph beside copies of it with other resources; predicates and classes are shared."""
    own = names.str.starts_with("<http://dbpedia.org/resource/")
    renamed = [names.filter(own).str.replace(">$", f"__{copy}>") for copy in range(1, copies)]
    every = pl.concat([names, *renamed])
    order = every.arg_sort().to_numpy()
    place = np.empty(len(every), np.uint32)
    place[order] = np.arange(len(every), dtype=np.uint32)
    shift = np.cumsum(own.to_numpy()) - 1
    count = int(own.sum())
    parts = []
    for copy in range(copies):
        new = np.where(own.to_numpy() & (copy > 0), len(names) + (copy - 1) * count + shift, np.arange(len(names)))
        parts.append([place[new[column]] for column in columns])
    return every.gather(order), [np.concatenate(column) for column in zip(*parts, strict=True)]


def _timed(work: Callable[[], Any]) -> tuple[Any, dict[str, float]]:
    """What the work gives; its processor time, and its memory above what there was."""
    _reset_peak()
    before = _memory("VmRSS")
    started = time.process_time()
    result = work()
    return result, {
        "cpu_s": round(time.process_time() - started, 2),
        "peak_mb": round((_memory("VmHWM") - before) / 2**20),
    }


def _reset_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5", "ascii")


def _memory(name: str) -> int:
    """Bytes by a name of /proc/self/status."""
    line = next(x for x in Path("/proc/self/status").read_text("ascii").splitlines() if x.startswith(name))
    return int(line.split()[1]) * 1024


if __name__ == "__main__":
    main()
