"""A process that answers SPARQL queries over one store, started by `kg.query_pool`.

It is given the store's folder, a file descriptor of a connection and its limits. A request is a JSON array
[query, format, max_bytes]; the answer is `+` and the serialized result, or `-` and the error's text. A query that runs
past its time ends the process by a timer of the kernel, whether or not the parent is still there; memory beyond the
limit ends it too. The process has no network, so nothing that a query says can reach one.
"""

import json
import resource
import signal
import sys
from multiprocessing.connection import Connection
from pathlib import Path

from kg.errors import LimbeckError
from kg.sandbox import deny_network
from kg.store import open_store, query, refuse_service, serialize


def main(folder: str, descriptor: str, timeout_s: str, max_memory: str) -> None:
    """Answers until the connection closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if hasattr(resource, "RLIMIT_DATA"):
        resource.setrlimit(resource.RLIMIT_DATA, (int(max_memory), int(max_memory)))
    offline = deny_network()
    with Connection(int(descriptor)) as connection:
        try:
            store = open_store(Path(folder))
        except LimbeckError as error:
            connection.send_bytes(b"-" + str(error).encode())
            return
        connection.send_bytes(b"+")
        while True:
            try:
                text, name, max_bytes = json.loads(connection.recv_bytes())
            except EOFError:
                return
            signal.setitimer(signal.ITIMER_REAL, float(timeout_s) + 1)
            try:
                refuse_service(text, strict=not offline)
                answer = b"+" + serialize(query(store, text), name, max_bytes=max_bytes)
            except LimbeckError as error:
                answer = b"-" + str(error).encode()
            signal.setitimer(signal.ITIMER_REAL, 0)
            connection.send_bytes(answer)


if __name__ == "__main__":
    main(*sys.argv[1:])
