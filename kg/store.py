"""The graph behind SPARQL: an Oxigraph store on disk, opened read-only, also seen through rdflib.

`query` is the one way in. It takes queries only, never updates, and refuses SERVICE, so a query can reach nothing but
this snapshot. `query_within` adds a time limit by running the query in a process of its own.
"""

import io
import multiprocessing
import re
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import polars as pl
import pyoxigraph as ox

from kg.errors import QueryError, SnapshotError
from kg.terms import PREFIXES

FORMATS = {
    "json": ox.QueryResultsFormat.JSON,
    "csv": ox.QueryResultsFormat.CSV,
    "tsv": ox.QueryResultsFormat.TSV,
    "xml": ox.QueryResultsFormat.XML,
}
GRAPH_FORMATS = {"turtle": ox.RdfFormat.TURTLE, "nt": ox.RdfFormat.N_TRIPLES, "xml": ox.RdfFormat.RDF_XML}
MAX_BYTES = 64 << 20
"""Most bytes that `serialize` writes unless told otherwise."""

_TOKEN = re.compile(
    r"""'''.*?'''|\"\"\".*?\"\"\"|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|<[^<>"{}|^`\s]*>|\#[^\n]*|[?$:\w]+""", re.S
)

Results = ox.QuerySolutions | ox.QueryBoolean | ox.QueryTriples


def write_store(folder: Path, triples: pl.DataFrame) -> None:
    """Writes distinct triples (columns s, p, o of N-Triples terms) as an Oxigraph store."""
    folder.mkdir(parents=True, exist_ok=True)
    store = ox.Store(str(folder))
    lines = triples.select(pl.concat_str(["s", "p", "o"], separator=" ") + " .").to_series()
    with io.BytesIO("\n".join(lines.to_list()).encode()) as data:
        store.bulk_load(data, format=ox.RdfFormat.N_TRIPLES)
    store.optimize()
    store.flush()


def open_store(folder: Path) -> ox.Store:
    """The store in a folder, read-only; raises SnapshotError."""
    try:
        return ox.Store.read_only(str(folder))
    except OSError as error:
        raise SnapshotError(
            f"the SPARQL store in {folder} does not open: {error}. Run `limbeck verify`, or build again."
        ) from error


def query(store: ox.Store, text: str) -> Results:
    """The results of a SPARQL 1.1 query; the prefixes of `kg.terms` need no declaration. Raises QueryError."""
    refuse_service(text)
    try:
        return store.query(text, prefixes=PREFIXES)
    except (SyntaxError, ValueError, OSError, RuntimeError) as error:
        raise QueryError(f"the query failed: {error}") from error


def refuse_service(text: str) -> None:
    """Raises QueryError for a query that calls another endpoint. Words in strings, IRIs and comments do not count."""
    for match in _TOKEN.finditer(text):
        if match.group().upper() == "SERVICE":
            raise QueryError(
                "SERVICE is not allowed here: a query can read this graph only. Take the SERVICE part out."
            )


def serialize(results: Results, name: str, *, max_bytes: int = MAX_BYTES) -> bytes:
    """The results in a named format: json, csv, tsv, xml for SELECT and ASK; turtle, nt, xml for CONSTRUCT.

    Raises QueryError for a format that does not fit, and for a result of more than `max_bytes`: never a silent cut.
    """
    output = _Limited(max_bytes)
    if isinstance(results, ox.QueryTriples):
        if name not in GRAPH_FORMATS:
            raise QueryError(
                f"a CONSTRUCT or DESCRIBE result has no {name} form; choose one of {', '.join(GRAPH_FORMATS)}."
            )
        ox.serialize(results, output, format=GRAPH_FORMATS[name], prefixes=PREFIXES)
    elif name in FORMATS:
        results.serialize(output, format=FORMATS[name])
    else:
        raise QueryError(f"a SELECT or ASK result has no {name} form; choose one of {', '.join(FORMATS)}.")
    return output.getvalue()


class _Limited(io.BytesIO):
    def __init__(self, max_bytes: int) -> None:
        super().__init__()
        self._left = max_bytes

    def write(self, data: Any) -> int:
        self._left -= len(data)
        if self._left < 0:
            raise QueryError("the result is too large. Add a LIMIT, or narrow the query.")
        return super().write(data)


def query_within(folder: Path, text: str, name: str, *, timeout_s: float, max_bytes: int = MAX_BYTES) -> bytes:
    """`serialize(query(...))` in a process that is ended after `timeout_s` seconds. Raises QueryError."""
    receiver, sender = multiprocessing.get_context("spawn").Pipe(duplex=False)
    process = multiprocessing.get_context("spawn").Process(
        target=_answer, args=(sender, folder, text, name, max_bytes), daemon=True
    )
    process.start()
    sender.close()
    try:
        if not receiver.poll(timeout_s):
            raise QueryError(f"the query ran longer than {timeout_s:g} s and was stopped. Narrow it, or add a LIMIT.")
        kind, payload = receiver.recv()
    except EOFError as error:
        raise QueryError("the query ran out of memory and was stopped. Narrow it, or add a LIMIT.") from error
    finally:
        process.kill()
        process.join()
        receiver.close()
    if kind == "error":
        raise QueryError(payload)
    return bytes(payload)


def _answer(sender: Connection, folder: Path, text: str, name: str, max_bytes: int) -> None:
    try:
        sender.send(("ok", serialize(query(open_store(folder), text), name, max_bytes=max_bytes)))
    except QueryError as error:
        sender.send(("error", str(error)))
