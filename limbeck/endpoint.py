"""A SPARQL endpoint over a store's folder or some RDF files: what `limbeck serve` is for a snapshot, this is for any
graph. The demonstration pulls from one, and so do tests.

    with serve_dump([Path("examples/sample.nt")]) as url:
        …
"""

import os
import socket
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pyoxigraph as ox
from fastapi import FastAPI

from kg.errors import LimbeckError, ParseError, UsageError
from kg.query_pool import TIMEOUT_S, QueryPool
from kg.sources.compressed import open_file
from kg.sources.dump import guarded
from kg.sources.options import TAKEN, dump_files, rdf_format
from kg.store import MAX_BYTES
from limbeck.sparql_protocol import sparql_router

if TYPE_CHECKING:
    from starlette.types import ASGIApp

START_S = 30.0
_FORMATS = {
    "N-Triples": ox.RdfFormat.N_TRIPLES,
    "N-Quads": ox.RdfFormat.N_QUADS,
    "Turtle": ox.RdfFormat.TURTLE,
    "RDF/XML": ox.RdfFormat.RDF_XML,
}


def sparql_app(
    store: Path, *, path: str = "/sparql", workers: int = 2, timeout_s: float = TIMEOUT_S, max_bytes: int = MAX_BYTES
) -> FastAPI:
    """An application that answers SPARQL queries over a store's folder; its workers end with it."""
    pool = QueryPool(store, workers=workers, timeout_s=timeout_s, max_bytes=max_bytes)

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        yield
        pool.close()

    app = FastAPI(lifespan=life, docs_url=None, redoc_url=None, openapi_url=None)
    app.include_router(sparql_router(pool.run, path=path))
    return app


@contextmanager
def serving(app: "ASGIApp", *, host: str = "127.0.0.1", port: int = 0) -> Iterator[str]:
    """The base URL of an application that a thread serves until the end of the block. Port 0 takes a free one.

    Raises UsageError if the address is taken or not ours.
    """
    import uvicorn

    listener = listen(host, port)
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="on", timeout_graceful_shutdown=5))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="http", daemon=True)
    thread.start()
    try:
        deadline = time.monotonic() + START_S
        while not server.started:
            if not thread.is_alive() or time.monotonic() > deadline:
                raise LimbeckError(f"the HTTP server on {host} did not start within {START_S:g} s.")
            time.sleep(0.01)
        yield f"http://{host}:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(START_S)
        listener.close()


def listen(host: str, port: int) -> socket.socket:
    """A socket bound to an address. Raises UsageError if it is taken or not ours."""
    try:
        return socket.create_server((host, port), backlog=128)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror
        raise UsageError(f"cannot listen on {host}:{port}: {reason}. Choose another --host or --port.") from error


@contextmanager
def serve_dump(
    paths: Sequence[Path], *, port: int = 0, timeout_s: float = TIMEOUT_S, max_bytes: int = MAX_BYTES
) -> Iterator[str]:
    """The URL of a SPARQL endpoint over RDF files (see `load_files`), until the end of the block."""
    with tempfile.TemporaryDirectory(prefix="limbeck-endpoint-") as folder:
        load_files(Path(folder) / "store", paths)
        app = sparql_app(Path(folder) / "store", timeout_s=timeout_s, max_bytes=max_bytes)
        with serving(app, port=port) as base:
            yield f"{base}/sparql"


def load_files(store: Path, paths: Sequence[Path]) -> int:
    """Loads RDF files (or folders of them) into a new store's default graph, and gives the number of distinct triples.

    Raises UsageError for a file of another kind, SourceError for one that cannot be read, ParseError for a malformed
    one.
    """
    store.mkdir(parents=True, exist_ok=True)
    database = ox.Store(str(store))
    for path in (file for given in paths for file in dump_files(given)):
        syntax = rdf_format(path.name)
        if syntax is None:
            raise UsageError(f"{path} is no RDF file. {TAKEN}")
        with open_file(path) as stream:
            try:
                if syntax == "N-Quads":
                    database.bulk_extend(ox.Quad(*quad.triple) for quad in ox.parse(stream, format=_FORMATS[syntax]))
                else:
                    database.bulk_load(guarded(stream, path), format=_FORMATS[syntax])
            except (SyntaxError, ValueError) as error:
                raise ParseError(f"{path}: expected {syntax}: {error}. Correct the file.") from error
    database.optimize()
    database.flush()
    return len(database)
