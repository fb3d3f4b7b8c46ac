"""HTTP servers on loopback: one that gives prepared answers, one that is a SPARQL endpoint over Oxigraph."""

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

import pyoxigraph as ox

JSON = "application/sparql-results+json"


@dataclass(frozen=True)
class Reply:
    """What the server sends. length: the Content-Length it claims, by default the true one."""

    body: bytes
    status: int = 200
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": JSON})
    length: int | None = None


@dataclass
class Loopback:
    """A running server: its address, and the queries it was asked."""

    url: str
    queries: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)


def rows_reply(rows: list[dict[str, object]]) -> Reply:
    """A SPARQL JSON answer with these bindings."""
    return Reply(json.dumps({"head": {"vars": []}, "results": {"bindings": rows}}).encode())


def count_reply(count: int) -> Reply:
    """The answer to a COUNT as ?n."""
    return rows_reply([{"n": {"type": "literal", "value": str(count)}}])


def _named(body: bytes, query: str) -> bytes:
    """The body, a column `x` renamed `x_…` where the query names it so."""
    for name in re.findall(r" AS \?(\w_\w+)\)", query):
        body = body.replace(f'"{name[0]}": {{'.encode(), f'"{name}": {{'.encode())
    return body


@contextmanager
def serve(answer: Callable[[str], Reply]) -> Iterator[Loopback]:
    """A server whose reply to each query is what `answer` returns."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            running.queries.append(form["query"][0])
            running.headers.append(dict(self.headers))
            reply = answer(form["query"][0])
            body = _named(reply.body, form["query"][0])
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body) if reply.length is None else reply.length))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    running = Loopback(f"http://127.0.0.1:{server.server_port}/sparql")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield running
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def serve_oxigraph(store: ox.Store, *, max_rows: int = 10_000) -> Iterator[Loopback]:
    """A SPARQL endpoint that, like many public ones, gives no more than `max_rows` rows and does not say so."""

    def answer(query: str) -> Reply:
        results = store.query(query)
        if not isinstance(results, ox.QuerySolutions):
            return Reply(b"SELECT only", status=400, headers={"Content-Type": "text/plain"})
        value = json.loads(results.serialize(format=ox.QueryResultsFormat.JSON) or b"")
        return rows_reply(value["results"]["bindings"][:max_rows])

    with serve(answer) as running:
        yield running
