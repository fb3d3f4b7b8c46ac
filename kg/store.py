"""The graph behind SPARQL: an Oxigraph store on disk, opened read-only, also seen through rdflib.

`query` is the one way in. It takes queries only, never updates, and refuses SERVICE; what a reading of the text misses
the kernel refuses, in `without_network` and in the processes of `kg.query_pool`, which also limit time and memory.
"""

import errno
import io
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pyoxigraph as ox

from kg.errors import QueryError, SnapshotError
from kg.sandbox import deny_network
from kg.terms import PREFIXES

if TYPE_CHECKING:
    from kg.triples import Triples

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
    r"""
    '''(?:[^'\\]|\\.|'(?!''))*+(?:''')?|\"\"\"(?:[^"\\]|\\.|"(?!""))*+(?:\"\"\")?    # long strings
    |"(?:[^"\\\r\n]|\\.)*+"?|'(?:[^'\\\r\n]|\\.)*+'?|<[^<>"{}|^`\\\s]*+>|\#[^\r\n]*+  # strings, IRIs, comments
    |[?$]\w++|(?:[^\W\d][\w.-]*+)?:(?:[\w:.%-]|\\.)*+                        # variables, prefixed names
    |(?P<words>[^\W\d][\w.-]*+)|\d++                                         # keywords, numbers
    """,
    re.S | re.X,
)
"""Each token is read once, also an unclosed one, so the time is linear in the text."""
_WORD = re.compile(r"\w+")
_SERVICE = re.compile(r"(?<![?$:])service", re.I)

_FORMS = ("SELECT", "ASK", "CONSTRUCT", "DESCRIBE")
_UPDATES = ("INSERT", "DELETE", "LOAD", "CLEAR", "DROP", "CREATE", "ADD", "MOVE", "COPY", "WITH")

_FAILURES = (SyntaxError, ValueError, OSError, RuntimeError)

T = TypeVar("T")
Results = ox.QuerySolutions | ox.QueryBoolean | ox.QueryTriples


def write_store(folder: Path, triples: "Triples") -> None:
    """Writes triples as an Oxigraph store; see `storing`."""
    with storing(folder, triples):
        pass


@contextmanager
def storing(folder: Path, triples: "Triples") -> Iterator[str]:
    """Writes triples as an Oxigraph store beside what the `with` block does; gives their SHA-256 (see `Triples`).

    The work is that of a process of its own, which gives its memory back. Raises SnapshotError, and OSError where the
    disk is full.
    """
    folder.mkdir(parents=True, exist_ok=True)
    parts = folder.with_name(f"{folder.name}.parts")
    parts.mkdir()
    blank = triples.terms.str.starts_with("_:").any()
    command = [sys.executable, "-P", "-m", "kg.store_writer", str(folder), "blank" if blank else ""]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    pipes = {"stdin": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    digest = ""
    try:
        with subprocess.Popen(command, env=environment, **pipes) as writer:  # type: ignore[call-overload]
            try:
                with suppress(BrokenPipeError), writer.stdin:
                    digest = triples.write_lines(
                        parts, finished=lambda path: print(path, file=writer.stdin, flush=True)
                    )
                yield digest
                said = writer.stderr.read().strip()
            finally:
                writer.kill()
    finally:
        shutil.rmtree(parts)
    if "No space left" in said:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))
    if writer.returncode:
        problem = said.splitlines()[-1] if said else f"its writer ended with status {writer.returncode}"
        raise SnapshotError(f"the SPARQL store in {folder} could not be written: {problem}.")


def open_store(folder: Path) -> ox.Store:
    """The store in a folder, read-only; raises SnapshotError."""
    try:
        return ox.Store.read_only(str(folder))
    except OSError as error:
        raise SnapshotError(
            f"the SPARQL store in {folder} does not open: {error}. Run `limbeck verify`, or build again."
        ) from error


def query(store: ox.Store, text: str) -> Results:
    """The results of a SPARQL 1.1 query; the prefixes of `kg.terms` need no declaration. Raises QueryError.

    Call it, and read its results, where there is no network: inside `without_network` or in a process of
    `kg.query_pool`.
    """
    refuse_updates(text)
    refuse_service(text)
    try:
        return store.query(text, prefixes=PREFIXES)
    except _FAILURES as error:
        raise _failed(error) from error


def form_of(text: str) -> str | None:
    """The word that begins the query or update proper, in capitals: SELECT, ASK, INSERT, …; None if there is none.

    >>> form_of("PREFIX select: <http://a/> # ASK\\nconstruct where { ?s ?p ?o }")
    'CONSTRUCT'
    """
    return next((word for word in _words(text) if word in _FORMS or word in _UPDATES), None)


def refuse_updates(text: str) -> None:
    """Raises QueryError for SPARQL Update."""
    word = form_of(text)
    if word in _UPDATES:
        raise QueryError(
            f"{word} is an update, and this graph is read-only. Ask with SELECT, ASK, CONSTRUCT or DESCRIBE; "
            "`limbeck build` changes the graph."
        )


def refuse_service(text: str, *, strict: bool = False) -> None:
    """Raises QueryError for a query that calls another endpoint. Words in strings, IRIs and comments do not count.

    strict: they do count. No reading of tokens is sure to be the parser's, so this is for where nothing else guards.
    """
    if _SERVICE.search(text) if strict else "SERVICE" in _words(text):
        raise QueryError("SERVICE is not allowed here: a query can read this graph only. Take the SERVICE part out.")


def without_network(text: str, run: Callable[[], T]) -> T:
    """What `run`, which evaluates the query `text` and reads its results to the end, gives in a thread to which the
    kernel refuses the network. Raises QueryError, for any spelling of SERVICE where the kernel cannot do that."""
    outcome: Future[T] = Future()

    def work() -> None:
        try:
            refuse_service(text, strict=not deny_network())
            outcome.set_result(run())
        except BaseException as error:
            _forget_frames(error)  # they hold results, which only this thread may drop
            outcome.set_exception(error)

    threading.Thread(target=work, daemon=True).start()
    return outcome.result()


def _forget_frames(error: BaseException | None) -> None:
    """Takes the tracebacks off an error and all that led to it."""
    left, seen = [error], set[int]()
    while left:
        error = left.pop()
        if error is not None and id(error) not in seen:
            seen.add(id(error))
            error.__traceback__ = None
            left += [error.__cause__, error.__context__]


def _words(text: str) -> Iterator[str]:
    """The keywords of a query in capitals, in order; not those in strings, IRIs, names and comments."""
    for match in _TOKEN.finditer(text):
        if match["words"]:
            yield from _WORD.findall(match["words"].upper())


def serialize(results: Results, name: str, *, max_bytes: int = MAX_BYTES) -> bytes:
    """The results in a named format: json, csv, tsv, xml for SELECT and ASK; turtle, nt, xml for CONSTRUCT.

    Raises QueryError for a format that does not fit, and for a result of more than `max_bytes`: never a silent cut.
    """
    output = _Limited(max_bytes)
    try:
        _write(results, output, name)
    except _FAILURES as error:  # a query goes on while its results are read
        raise _failed(error) from error
    return output.getvalue()


def _write(results: Results, output: io.BytesIO, name: str) -> None:
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


def _failed(error: Exception) -> QueryError:
    problem = " ".join(str(error).split())
    return QueryError(f"the query failed: {problem[:200]}{'…' * (len(problem) > 200)}")


class _Limited(io.BytesIO):
    def __init__(self, max_bytes: int) -> None:
        super().__init__()
        self._left = max_bytes

    def write(self, data: Any) -> int:
        self._left -= len(data)
        if self._left < 0:
            raise QueryError("the result is too large. Add a LIMIT, or narrow the query.")
        return super().write(data)
