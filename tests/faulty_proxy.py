"""A proxy between a client and a SPARQL endpoint that spoils answers, at random with a fixed seed.

Whether and how an answer is spoilt follows from the seed, the query, and how often it was asked: never from the time.
"""

import csv
import io
import json
import random
import socket
import struct
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

JSON = "application/sparql-results+json"
FAULTS = (
    "reset",
    "reset within",
    "429",
    "500",
    "503",
    "stall",
    "trickle",
    "cut",
    "cut and length mended",
    "part with S1TAT",
    "part",
    "row repeated",
    "row doubled",
    "another answer",
    "miscount",
    "HTML",
)


@dataclass
class FaultyProxy:
    """A running proxy: its address, how it behaves, and what it did."""

    target: str
    url: str = ""
    rate: float = 0.0
    seed: int = 0
    stall_s: float = 1.0
    delay_s: float = 0.0
    json_only: bool = False
    faults: tuple[str, ...] = FAULTS
    done: Counter[str] = field(default_factory=Counter)
    asked: Counter[tuple[int, str]] = field(default_factory=Counter)
    bodies: dict[str, list[bytes]] = field(default_factory=dict)
    busy: int = 0
    most_busy: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def draw(self, query: str) -> tuple[str | None, random.Random]:
        """The fault for a query, if any, and the numbers that it may go on to draw."""
        with self.lock:
            self.asked[self.seed, query] += 1
            drawn = random.Random(f"{self.seed} {self.asked[self.seed, query]} {query}")  # noqa: S311
            fault = drawn.choice(self.faults) if drawn.random() < self.rate else None
            if fault:
                self.done[fault] += 1
        return fault, drawn

    def others(self, kind: str, body: bytes) -> list[bytes]:
        """The answers of the kind that came before this one, as long as anything is spoilt."""
        with self.lock:
            if self.rate:
                self.bodies.setdefault(kind, []).append(body)
            return self.bodies.get(kind, [])[:-1]


@contextmanager
def faulty_proxy(target: str, **behaviour: Any) -> Iterator[FaultyProxy]:
    """A proxy before the SPARQL endpoint `target`."""
    proxy = FaultyProxy(target, **behaviour)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            with suppress(BrokenPipeError, ConnectionResetError):
                self.answer()

        def answer(self) -> None:
            form = self.rfile.read(int(self.headers["Content-Length"]))
            query = parse_qs(form.decode())["query"][0]
            fault, drawn = proxy.draw(query)
            if fault == "reset":
                return self.reset()
            if fault in ("429", "500", "503"):
                retry = {"Retry-After": "0"} if fault != "500" else {}
                return self.send(int(fault), retry | {"Content-Type": "text/html"}, b"<html>busy")
            if fault == "stall":
                return time.sleep(proxy.stall_s)
            if fault == "HTML":
                return self.send(200, {"Content-Type": "text/html"}, b"<html><h1>Maintenance</h1>")
            headers = {"Accept": JSON if proxy.json_only else self.headers["Accept"]}
            with proxy.lock:
                proxy.busy += 1
                proxy.most_busy = max(proxy.busy, proxy.most_busy)
            time.sleep(proxy.delay_s)
            try:
                with urllib.request.urlopen(urllib.request.Request(proxy.target, form, headers)) as response:
                    status, headers, body = response.status, dict(response.headers), response.read()
            except urllib.error.HTTPError as error:
                status, headers, body = error.code, dict(error.headers), error.read()
            with proxy.lock:
                proxy.busy -= 1
            kind = headers["Content-Type"].partition(";")[0]
            headers = {name: headers[name] for name in ("Content-Type", "X-SPARQL-MaxRows") if name in headers}
            others = proxy.others(kind, body)
            if fault == "trickle":
                self.send(status, headers, body[: len(body) // 2], length=len(body))
                return time.sleep(proxy.stall_s)
            if fault == "cut":
                return self.send(status, headers, body[: drawn.randrange(len(body))], length=len(body))
            if fault == "reset within":
                self.send(status, headers, body[: drawn.randrange(len(body))], length=len(body))
                return self.reset()
            if fault == "cut and length mended":
                body = body[: drawn.randrange(len(body))]
            elif fault == "part with S1TAT":
                headers |= {"X-SQL-State": "S1TAT", "X-SQL-Message": "incomplete"}
                body = _spoilt(kind, body, "part", drawn)
            elif fault == "another answer" and others:
                alike = [other for other in others if _size(kind, other) == _size(kind, body) and other != body]
                body = drawn.choice(alike or others)
            elif fault:
                body = _spoilt(kind, body, fault, drawn)
            return self.send(status, headers, body)

        def send(self, status: int, headers: dict[str, str], body: bytes, *, length: int | None = None) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body) if length is None else length))
            self.end_headers()
            self.wfile.write(body)
            self.wfile.flush()

        def reset(self) -> None:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    proxy.url = f"http://127.0.0.1:{server.server_port}/sparql"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _spoilt(kind: str, body: bytes, fault: str, drawn: random.Random) -> bytes:
    """The body with some rows fewer, others instead, or more; unchanged where that is not possible."""
    head, rows = _read(kind, body)
    if rows and fault == "part":
        rows = sorted_sample(rows, drawn.randrange(len(rows)), drawn)
    elif len(rows) > 1 and fault == "row repeated":
        lost, kept = drawn.sample(range(len(rows)), 2)
        rows[lost] = rows[kept]
    elif rows and fault == "row doubled":
        rows.append(drawn.choice(rows))
    elif rows and fault == "miscount" and kind == JSON:
        for name, value in drawn.choice(rows).items():
            if name.startswith("n_"):
                value["value"] = str(max(0, int(value["value"]) + drawn.choice((-3, -1, 1, 3))))
    return _write(kind, head, rows)


def sorted_sample(rows: list[Any], count: int, drawn: random.Random) -> list[Any]:
    """So many of the rows, in their order."""
    return [rows[at] for at in sorted(drawn.sample(range(len(rows)), count))]


def _size(kind: str, body: bytes) -> int:
    return len(_read(kind, body)[1])


def _read(kind: str, body: bytes) -> tuple[Any, list[Any]]:
    if kind == "text/csv":
        head, *rows = csv.reader(io.StringIO(body.decode(), newline=""))
        return head, rows
    if kind == JSON:
        value = json.loads(body, strict=False)
        return value["head"], value["results"]["bindings"]
    return body, []


def _write(kind: str, head: Any, rows: list[Any]) -> bytes:
    if kind == "text/csv":
        text = io.StringIO(newline="")
        csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows([head, *rows])
        return text.getvalue().encode()
    if kind == JSON:
        return json.dumps({"head": head, "results": {"bindings": rows}}).encode()
    return bytes(head)
