"""`limbeck serve`: the HTTP service over a workspace's current snapshot.

Before each request the workspace's CURRENT is looked at, one small file; when another snapshot has become current, it
is opened and takes the requests from then on, while those in flight end on theirs. So a refresh, a promotion or a
rollback goes live without a restart. Questions run one at a time, since models are not made for threads; SPARQL has a
pool of processes of its own.
"""

import contextlib
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kg.errors import LimbeckError
from kg.query_pool import TIMEOUT_S, QueryPool
from kg.snapshot import current_id
from limbeck.endpoint import listen
from limbeck.knowledge_base import KnowledgeBase, open_knowledge_base
from limbeck.service import service_app

if TYPE_CHECKING:
    from fastapi import FastAPI


class Session:
    """One snapshot that requests are answered from; its worker processes end after `retire` with the last of them."""

    def __init__(self, workspace: Path, snapshot_id: str | None, *, workers: int, timeout_s: float) -> None:
        self.kb: KnowledgeBase = open_knowledge_base(workspace, snapshot_id)
        self.pool = QueryPool(self.kb.snapshot.folder / "store", workers=workers, timeout_s=timeout_s)
        self._lock = threading.Lock()
        self._users = 0
        self._retired = False

    @contextmanager
    def used(self) -> Iterator[None]:
        """Keeps the snapshot open for the length of a block. Call it while the session is the current one."""
        with self._lock:
            self._users += 1
        try:
            yield
        finally:
            with self._lock:
                self._users -= 1
                last = self._retired and not self._users
            if last:
                self.pool.close()

    def retire(self) -> None:
        """Ends the session once nobody uses it."""
        with self._lock:
            self._retired = True
            unused = not self._users
        if unused:
            self.pool.close()


class Live:
    """The current snapshot of a workspace, whichever it is. Close it at the end.

    say: takes a line where a new snapshot is served, or cannot be.
    """

    def __init__(
        self,
        workspace: Path,
        *,
        workers: int = 2,
        timeout_s: float = TIMEOUT_S,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._workspace, self._workers, self._timeout_s, self._say = workspace, workers, timeout_s, say
        self._lock = threading.Lock()
        self._asking = threading.Lock()
        self._refused: str | None = None
        self._session = self._open(None)

    @property
    def snapshot_id(self) -> str:
        """The id of the snapshot that the next request would get, if CURRENT stays as it is."""
        return self._session.kb.snapshot.id

    def ask(self, question: str, model: str | None, mode: str | None) -> dict[str, Any]:
        """What `limbeck ask --json` prints."""
        with self._current() as session, self._asking:
            return session.kb.ask(question, model=model, mode=mode or "hybrid").to_dict()

    def query(self, text: str, form: str) -> bytes:
        """The result of a SPARQL query in a named format of `kg.store`."""
        with self._current() as session:
            return session.pool.run(text, form)

    def health(self) -> dict[str, Any]:
        """The snapshot's id, the model that answers, and the graph's counts."""
        with self._current() as session:
            manifest = session.kb.snapshot.manifest
            return {"snapshot": session.kb.snapshot.id, "model": session.kb.live_model, "counts": manifest["counts"]}

    def close(self) -> None:
        """Ends the worker processes."""
        self._session.retire()

    @contextmanager
    def _current(self) -> Iterator[Session]:
        with contextlib.ExitStack() as stack:
            with self._lock:
                self._follow()
                session = self._session
                stack.enter_context(session.used())
            yield session

    def _follow(self) -> None:
        """Opens the snapshot that has become current. If it does not open, the old one serves on."""
        name = current_id(self._workspace)
        if name is None or name in (self._session.kb.snapshot.id, self._refused):
            return
        try:
            opened = self._open(name)
        except LimbeckError as error:
            self._refused = name
            self._say(f"still serving snapshot {self.snapshot_id}: {error}")
            return
        self._session.retire()
        self._session, self._refused = opened, None
        self._say(f"serving snapshot {name}")

    def _open(self, snapshot_id: str | None) -> Session:
        return Session(self._workspace, snapshot_id, workers=self._workers, timeout_s=self._timeout_s)


def workspace_app(
    workspace: Path, *, timeout_s: float = TIMEOUT_S, say: Callable[[str], None] = lambda _: None
) -> "tuple[FastAPI, Live]":
    """The application over a workspace's current snapshot, and what it answers from. Raises NoSnapshot."""
    live = Live(workspace, timeout_s=timeout_s, say=say)
    return service_app(live.ask, live.query, live.health, close=live.close), live


def serve_workspace(workspace: Path, *, host: str, port: int, timeout_s: float) -> None:
    """Serves until Ctrl-C or SIGTERM, then ends what is running and returns.

    Raises NoSnapshot before anything is built, UsageError if the address is taken.
    """
    import uvicorn

    listener = listen(host, port)
    with listener:
        app, live = workspace_app(workspace, timeout_s=timeout_s, say=_say)
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="on", timeout_graceful_shutdown=5))
        _say(f"serving snapshot {live.snapshot_id} on http://{host}:{listener.getsockname()[1]}  (Ctrl-C stops)")
        before = signal.signal(signal.SIGTERM, lambda *_: None)
        try:
            # uvicorn stops on both signals, and then raises them again for whoever handled them before.
            with contextlib.suppress(KeyboardInterrupt):
                server.run(sockets=[listener])
        finally:
            signal.signal(signal.SIGTERM, before)
            live.close()


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
