"""Whether a snapshot is whole and its two views show the same graph."""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from kg.errors import SnapshotError
from kg.graph import Graph
from kg.provenance import Provenance
from kg.snapshot import Snapshot, damaged_files
from kg.sources.compressed import line_chunks
from kg.sources.ntriples import split_lines, split_triples
from kg.statements import Collector
from kg.strings import StringColumn
from kg.triples import Triples

GRAPH, STORE, PROVENANCE = "graph", "store", "provenance"
"""Folders of a snapshot."""


def verify(snapshot: Snapshot) -> list[str]:
    """What is wrong with a snapshot, one line each; empty if nothing is.

    Checked: the size and hash of every file; the counts and the graph's hash in the manifest against the columns, and
    the hash against all triples of the SPARQL store; that the manifest accounts for every triple that came in; the
    order of terms and triples and the pointers into them.
    """
    found = damaged_files(snapshot)
    for name, check in ((GRAPH, _graph), (STORE, _store), (PROVENANCE, _provenance)):
        try:
            found += check(snapshot.folder / name, snapshot.manifest)
        except (OSError, ValueError, KeyError, IndexError, pl.exceptions.PolarsError, SnapshotError) as error:
            found.append(f"{name}/ does not read: {error}")
    return found


def _graph(folder: Path, manifest: dict[str, Any]) -> Iterator[str]:
    graph = Graph.open(folder)
    counts = {"triples": len(graph), "entities": len(graph.entities), "predicates": len(graph.predicates)}
    for name, count in counts.items():
        stated = manifest["counts"][name]
        if stated != count:
            yield f"the manifest counts {stated} {name}, the columns hold {count}"
    yield from _account(manifest["counts"])
    yield from (message for message, holds in _invariants(graph).items() if not holds())
    if _triples(graph).sha256() != manifest["graph_sha256"]:
        yield "the columns hold another graph than the manifest's hash says"


def _triples(graph: Graph) -> Triples:
    s, p, o = (np.asarray(column) for column in (graph.s, graph.p, graph.o))
    return Triples(graph.terms.to_series(), s, p, o, np.asarray(graph.importance), np.ones(len(graph), np.float32))


def _account(counts: dict[str, Any]) -> Iterator[str]:
    if "pulled" not in counts:
        return
    gained, lost = counts["pulled"] + counts["added"] + counts["extracted"], sum(counts["dropped"].values())
    if gained - lost != counts["triples"]:
        yield f"the manifest counts {gained} triples gained and {lost} dropped, but {counts['triples']} left"


def _invariants(graph: Graph) -> dict[str, Callable[[], bool]]:
    n, n_terms = len(graph), len(graph.terms)
    s, p, o, order = (np.asarray(column) for column in (graph.s, graph.p, graph.o, graph.in_order))
    return {
        "the columns differ in length": lambda: {len(x) for x in (p, o, order, graph.importance)} <= {n},
        "terms, labels, kinds and ranks differ in number": lambda: (
            {len(graph.labels), len(graph.kind), len(graph.rank), len(graph.out_ptr) - 1, len(graph.in_ptr) - 1}
            == {n_terms}
        ),
        "the terms are not sorted or not distinct": lambda: _ascending(graph.terms),
        "a triple names a term that is not there": lambda: (
            n == 0 or bool(min(s.min(), p.min(), o.min()) >= 0 and max(s.max(), p.max(), o.max()) < n_terms)
        ),
        "the triples are not sorted or not distinct": lambda: _rising(s, p, o),
        "in_order is no permutation of the rows": lambda: np.array_equal(np.sort(order), np.arange(n)),
        "in_order is not sorted by object": lambda: _rising(o[order], p[order], s[order]),
        "out_ptr does not fit the subjects": lambda: np.array_equal(graph.out_ptr, _pointers(s, n_terms)),
        "in_ptr does not fit the objects": lambda: np.array_equal(graph.in_ptr, _pointers(o, n_terms)),
        "a rank or an importance is no number": lambda: bool(
            np.isfinite(graph.rank).all() and np.isfinite(graph.importance).all()
        ),
    }


def _store(folder: Path, manifest: dict[str, Any]) -> Iterator[str]:
    import pyoxigraph as ox

    from kg.store import open_store

    with tempfile.TemporaryFile() as dump:
        open_store(folder).dump(dump, format=ox.RdfFormat.N_TRIPLES, from_graph=ox.DefaultGraph())
        dump.seek(0)
        collector = Collector()
        for chunk in line_chunks(dump, path=folder):
            collector.add(split_triples(split_lines(chunk)))
    found = Triples.of(collector.statements())
    if len(found) != manifest["counts"]["triples"]:
        yield f"the manifest counts {manifest['counts']['triples']} triples, the SPARQL store holds {len(found)}"
    if found.sha256() != manifest["graph_sha256"]:
        yield "the SPARQL store holds another graph than the manifest's hash says"


def _provenance(folder: Path, manifest: dict[str, Any]) -> Iterator[str]:
    if not folder.is_dir():
        return
    provenance = Provenance.open(folder)
    if len(provenance) != manifest["counts"]["triples"]:
        yield f"provenance is kept for {len(provenance)} of {manifest['counts']['triples']} triples"
    elif len(provenance) and np.diff(provenance.pointer).min() < 1:
        yield "a triple has no provenance"


def _ascending(terms: StringColumn) -> bool:
    series = terms.to_series()
    return bool((series.slice(1) > series.slice(0, max(0, len(series) - 1))).all())


def _rising(first: Any, second: Any, third: Any) -> bool:
    """Whether the rows (first, second, third) rise strictly."""
    a, b, c = (np.diff(column.astype(np.int64)) for column in (first, second, third))
    return bool(((a > 0) | ((a == 0) & ((b > 0) | ((b == 0) & (c > 0))))).all())


def _pointers(column: Any, n_terms: int) -> Any:
    return np.concatenate([[0], np.cumsum(np.bincount(column, minlength=n_terms))])
