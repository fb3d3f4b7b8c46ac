"""SPARQL with limits: warm processes that each answer one query at a time, and are ended when it takes too much.

A query runs in a process of its own because nothing else can stop one that is deep in a join. Workers are plain child
processes (no copy of the caller's program), so the pool can be used from any script, thread or server.
"""

import contextlib
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from queue import Empty, LifoQueue
from types import TracebackType

import kg
from kg.errors import QueryError, QueryStopped, SnapshotError
from kg.store import MAX_BYTES, refuse_updates

TIMEOUT_S = 30.0
MAX_MEMORY = 2 << 30
START_S = 60.0
"""Longest time that a worker may take to start; most of it is the opening of the store."""


class QueryPool:
    """Read-only SPARQL over a store's folder. Close it, or use it as a context manager.

    workers: most queries at a time. waiting: most queries that may wait for a worker. timeout_s: longest time of a
    query, and longest wait for a worker. max_bytes: largest result. max_memory: most memory of a worker, in bytes.
    """

    def __init__(
        self,
        folder: Path,
        *,
        workers: int = 2,
        timeout_s: float = TIMEOUT_S,
        max_bytes: int = MAX_BYTES,
        max_memory: int = MAX_MEMORY,
        waiting: int = 32,
    ) -> None:
        self.timeout_s = timeout_s
        self._folder, self._max_bytes, self._max_memory = folder, max_bytes, max_memory
        self._room = threading.BoundedSemaphore(workers + waiting)
        self._closed = False
        self._idle: LifoQueue[_Worker] = LifoQueue()
        for _ in range(workers):
            self._idle.put(self._start())

    def run(self, text: str, name: str) -> bytes:
        """The result of a query in a named format of `kg.store`.

        Raises QueryError for a query that is malformed or not allowed, QueryStopped for one that took too long or too
        much memory or found no free worker, SnapshotError if the store does not open.
        """
        refuse_updates(text)
        if not self._room.acquire(blocking=False):
            raise QueryStopped("too many queries are waiting. Try again in a moment.")
        try:
            worker = self._idle.get(timeout=self.timeout_s)
        except Empty as error:
            raise QueryStopped(f"no query ended within {self.timeout_s:g} s to make room. Try again later.") from error
        finally:
            self._room.release()
        keep = False
        try:
            payload = worker.run(json.dumps([text, name, self._max_bytes]).encode(), self.timeout_s)
            keep = True
        finally:
            if not keep:
                worker.stop()
            if self._closed:
                worker.stop()
            else:
                self._idle.put(worker if keep else self._start())
        if payload[:1] == b"-":
            raise QueryError(payload[1:].decode())
        return payload[1:]

    def close(self) -> None:
        """Ends the workers; those at work end when their query does."""
        self._closed = True
        while True:
            try:
                self._idle.get_nowait().stop()
            except Empty:
                return

    def __enter__(self) -> "QueryPool":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _start(self) -> "_Worker":
        return _Worker(self._folder, self.timeout_s, self._max_memory)


class _Worker:
    def __init__(self, folder: Path, timeout_s: float, max_memory: int) -> None:
        self._connection, other = multiprocessing.Pipe()
        limits = (str(other.fileno()), str(timeout_s), str(max_memory))
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "kg.query_worker", str(folder.absolute()), *limits],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=[other.fileno()],
            env={**os.environ, "PYTHONPATH": str(Path(kg.__path__[0]).absolute().parent)},
        )
        other.close()
        self._ready = False

    def run(self, request: bytes, timeout_s: float) -> bytes:
        if not self._ready:
            self._wait_for_start()
        try:
            self._connection.send_bytes(request)
            if not self._connection.poll(timeout_s):
                raise QueryStopped(
                    f"the query ran longer than {timeout_s:g} s and was stopped. Narrow it, or add a LIMIT."
                )
            return self._connection.recv_bytes()
        except (EOFError, OSError) as error:
            status = self._process.wait()
            if status in (-signal.SIGABRT, -signal.SIGKILL):
                raise QueryStopped("the query ran out of memory and was stopped. Narrow it, or add a LIMIT.") from error
            if status in (-signal.SIGSEGV, -signal.SIGBUS):  # the parser recurses, and its stack has an end
                raise QueryError("the query is nested too deeply or crashes the engine; simplify it.") from error
            raise QueryStopped(f"the process of the query ended with status {status}. Try again.") from error

    def stop(self) -> None:
        with contextlib.suppress(OSError):
            self._process.kill()
        self._process.wait()
        self._connection.close()

    def _wait_for_start(self) -> None:
        started = time.monotonic()
        try:
            if not self._connection.poll(START_S):
                raise SnapshotError(f"the query process did not start within {time.monotonic() - started:.0f} s.")
            answer = self._connection.recv_bytes()
        except (EOFError, OSError) as error:
            status = self._process.wait()
            raise SnapshotError(
                f"the query process ended with status {status} before it began. Run "
                f"`{sys.executable} -m kg.query_worker` to see why."
            ) from error
        if answer[:1] == b"-":
            raise SnapshotError(answer[1:].decode())
        self._ready = True
