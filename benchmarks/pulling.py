"""`python -m benchmarks.pulling`: a pull from a real Virtuoso on loopback, beside bare clients that send the same
queries for pages one after another and check nothing.

The graph is graph-100k and a part of the labels. The bare clients are urllib with json.loads, and urllib with
csv.reader for what we ask for in CSV. "Far" is behind a proxy that waits a tenth of a second, as an endpoint on another
continent does. The clients take turns; the fastest round of each counts. The seconds of processor time tell more than
those of the clock where the machine is shared (far, the client's are those of the proxy too).
"""

import argparse
import csv
import gzip
import io
import itertools
import json
import os
import tempfile
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import polars as pl

from benchmarks.record import data_file, write_record
from kg.sources import SourceOptions, pages
from kg.sources.endpoint import read_endpoint
from kg.sources.pages import Pager, Slice
from kg.sources.sparql import connect
from tests.faulty_proxy import faulty_proxy
from tests.virtuoso import Virtuoso

GRAPH = "http://bench/"
DELAY_S = 0.1
LABEL = "http://www.w3.org/2000/01/rdf-schema#label"
ACCEPT = {"json": "application/sparql-results+json", "csv": "text/csv"}


def main() -> None:
    """Runs the benchmark and writes its record."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pulling", description=__doc__)
    parser.add_argument("--labels", type=int, default=100_000, help="how many labels are loaded beside graph-100k")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    folder = data_file("dbpedia")
    with tempfile.TemporaryDirectory() as place, Virtuoso(allowed=(Path(place), folder)) as server:
        labels = Path(place) / "labels.nt"
        with gzip.open(data_file("dbpedia/labels.nt.gz"), "rb") as lines:
            labels.write_bytes(b"".join(itertools.islice(lines, options.labels)))
        server.load(data_file("dbpedia/graph-100k.nt.gz"), GRAPH)
        server.load(labels, GRAPH)
        with faulty_proxy(server.url, delay_s=DELAY_S) as far:
            results = run(server, far.url, options.rounds)
    baseline = results["bare, JSON"]["triples_per_s"]
    for name, row in results.items():
        speed, cpu = (
            row["triples_per_s"],
            f"cpu client {row['client_cpu_s']:5.2f} s, server {row['server_cpu_s']:5.2f} s",
        )
        print(f"{name:34}{row['rows']:>9,} rows {row['seconds']:7.2f} s {speed:>9,} /s {speed / baseline:6.2f}   {cpu}")
    write_record("pulling", results, options=vars(options))


def run(server: Virtuoso, far: str, rounds: int) -> dict[str, dict[str, Any]]:
    """Seconds, processor time and rows of each client, by name: the fastest of some rounds."""
    queries = {form: recorded(server, form) for form in ("json", "csv")}
    options = SourceOptions(server.url, graph=GRAPH)
    count = Pager(connect(options), graph=GRAPH, page_size=10_000).count(f"?s <{LABEL}> ?o")
    clients: dict[str, Callable[[], int]] = {
        "bare, JSON": lambda: bare(server.url, queries["json"], "json"),
        "bare, CSV": lambda: bare(server.url, queries["csv"], "csv"),
        "ours, 1 connection": lambda: ours(server.url, connections=1),
        "ours, 4 connections": lambda: ours(server.url, connections=4),
        "ours, JSON, 1 connection": lambda: in_json(lambda: ours(server.url, connections=1)),
        "ours, JSON, 4 connections": lambda: in_json(lambda: ours(server.url, connections=4)),
        "far, bare, JSON": lambda: bare(far, queries["json"], "json"),
        "far, ours, 1 connection": lambda: ours(far, connections=1),
        "far, ours, 4 connections": lambda: ours(far, connections=4),
        "the labels alone": lambda: ours_of_labels(server, count, by_hash=False),
        "the labels alone, by MD5": lambda: ours_of_labels(server, count, by_hash=True),
    }
    best: dict[str, dict[str, Any]] = {}
    for _ in range(rounds):
        for name, client in clients.items():
            cpu, own, started = server_cpu_s(server), time.process_time(), time.perf_counter()
            rows = client()
            took = time.perf_counter() - started
            row = {
                "rows": rows,
                "seconds": round(took, 3),
                "triples_per_s": round(rows / took),
                "client_cpu_s": round(time.process_time() - own, 3),
                "server_cpu_s": round(server_cpu_s(server) - cpu, 3),
            }
            if name not in best or took < best[name]["seconds"]:
                best[name] = row
    return best


def bare(url: str, queries: list[str], form: str) -> int:
    """The rows that the queries give to a client that does nothing but read them."""
    rows = 0
    for query in queries:
        request = urllib.request.Request(url, urlencode({"query": query}).encode(), {"Accept": ACCEPT[form]})
        with urllib.request.urlopen(request) as response:
            body = response.read()
        if form == "json":
            rows += len(json.loads(body, strict=False)["results"]["bindings"])
        else:
            rows += len(list(csv.reader(io.StringIO(body.decode(), newline="")))) - 1
    return rows


def ours(url: str, *, connections: int) -> int:
    """The rows of a whole pull."""
    taken: list[pl.DataFrame] = []
    read_endpoint(SourceOptions(url, graph=GRAPH, connections=connections), blank="s0x", take=taken.append)
    return sum(map(len, taken))


def ours_of_labels(server: Virtuoso, count: int, *, by_hash: bool) -> int:
    """The rows of the one large predicate, page after page."""
    pager = Pager(connect(SourceOptions(server.url)), graph=GRAPH, page_size=10_000)
    pager.learn_form()
    part = Slice("labels", f"?s <{LABEL}> ?o", count, LABEL)
    if by_hash:
        return len(pager.by_hash(part))
    edges = [*range(0, count, pager.most), count]
    return sum(len(pager.window(part, low, high)) for low, high in itertools.pairwise(edges))


def in_json(work: Callable[[], int]) -> int:
    """What some work gives where the endpoint is not asked for CSV."""
    learn = Pager.learn_form
    Pager.learn_form = lambda _: None  # type: ignore[method-assign]
    try:
        return work()
    finally:
        Pager.learn_form = learn  # type: ignore[method-assign]


def recorded(server: Virtuoso, form: str) -> list[str]:
    """The queries for pages that a pull sends."""
    queries = []
    fetch = pages.fetch

    def recording(endpoint: Any, query: str, **options: Any) -> Any:
        if " LIMIT " in query:
            queries.append(query)
        return fetch(endpoint, query, **options)

    pages.fetch = recording  # type: ignore[assignment]
    try:
        work = lambda: ours(server.url, connections=1)  # noqa: E731
        work() if form == "csv" else in_json(work)
    finally:
        pages.fetch = fetch
    return queries


def server_cpu_s(server: Virtuoso) -> float:
    """The processor time that the server has taken."""
    used = Path(f"/proc/{server.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(used[11]) + int(used[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
