"""A Prefect server for one run: a child process on a free port of the loopback, with a database of its own.

Nobody has to start anything, nothing is shared with other runs, and the child ends when its parent does, even by
kill -9: it watches the pipe that is its standard input. Its database is a copy of an empty one that the first start on
a machine makes and keeps (`$XDG_CACHE_HOME/limbeck`), because making it takes longer than all the rest.
"""

import contextlib
import gc
import http.client
import json
import os
import select
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from importlib.metadata import version
from pathlib import Path
from types import TracebackType

from flows.quiet import be_quiet
from kg.errors import LimbeckError

START_S = 180.0
ANSWER_S = 10.0
CLEANINGS = 5
"""How often the files are removed, at most: the server may be writing one."""


def start_server() -> "LocalServer | None":
    """A server for this process's flows, or None where PREFECT_API_URL names one.

    Called before anything heavy is imported, it starts beside the imports; give it to `flows.steps.run_flow`.
    """
    return None if os.environ.get("PREFECT_API_URL") else LocalServer()


def check_server(url: str) -> None:
    """Raises LimbeckError if no Prefect server answers at the address of its API."""
    try:
        with urllib.request.urlopen(f"{url.rstrip('/')}/health", timeout=ANSWER_S) as response:  # noqa: S310
            if response.status == 200 and response.read().strip() == b"true":
                return
        problem = "something else answers there"
    except (OSError, ValueError, http.client.HTTPException) as error:
        problem = str(getattr(error, "reason", error))
    raise LimbeckError(
        f"no Prefect server answers at {url}: {problem}. Start one with `prefect server start`, and give its address "
        "by --api-url or PREFECT_API_URL (it ends in /api)."
    )


class LocalServer:
    """The server. It starts at once, beside whatever the caller does next; `url` waits for it.

    services: run the scheduler and the like too, as a permanent server does; a single run needs none of them.
    """

    def __init__(self, *, services: bool = False) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="limbeck-prefect-"))
        database = self._folder / "prefect.db"
        with contextlib.suppress(OSError):
            shutil.copyfile(_empty_database(), database)
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        be_quiet(environment)
        for name in ("PREFECT_API_URL", "PREFECT_PROFILE"):
            environment.pop(name, None)
        environment |= {
            "PREFECT_HOME": str(self._folder),
            "PREFECT_API_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///{database}",
            "PREFECT_API_DATABASE_MIGRATE_ON_START": str(not database.exists()).lower(),
            "PREFECT_API_BLOCKS_REGISTER_ON_START": str(services).lower(),
            "PREFECT_UI_ENABLED": "false",
            "PREFECT__SERVER_FINAL": "1",
        }
        if not services:
            environment["PREFECT__SERVER_EPHEMERAL"] = "1"
        self._log = open(self._folder / "server.log", "w+b")  # noqa: SIM115
        reading, writing = os.pipe()
        self._answers = open(reading, "rb")  # noqa: SIM115
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "flows.server"],
            stdin=subprocess.PIPE,
            stdout=writing,
            stderr=self._log,
            env=environment,
        )
        os.close(writing)
        self._url: str | None = None

    @property
    def url(self) -> str:
        """The address of its API. Raises LimbeckError if it does not start."""
        if self._url is None:
            ready, _, _ = select.select([self._answers], [], [], START_S)
            line = self._answers.readline() if ready else b""
            if not line:
                self._log.seek(0)
                words = self._log.read().decode(errors="replace").strip().splitlines() or ["it said nothing"]
                raise LimbeckError(f"Prefect's server did not start within {START_S:g} s: {words[-1]}")
            self._url = f"http://127.0.0.1:{json.loads(line)['port']}/api"
        return self._url

    def close(self) -> None:
        """Ends the server and removes its files."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._answers, self._log):
            if pipe is not None:
                pipe.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> "LocalServer":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def serve() -> None:
    """Runs the server until standard input closes; writes {"port": …} when it answers."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    gc.disable()  # a third of the start is collecting what is there to stay
    import uvicorn
    from prefect.server.api.server import create_app

    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(create_app, factory=True, log_level="error", lifespan="on"))
        threading.Thread(target=_report, args=(server, listener.getsockname()[1]), daemon=True).start()
        server.run(sockets=[listener])


def _report(server: object, port: int) -> None:
    while not getattr(server, "started", False):
        time.sleep(0.01)
    gc.freeze()
    gc.enable()
    _keep_database()
    os.write(sys.stdout.fileno(), (json.dumps({"port": port}) + "\n").encode())


def _end_with_parent() -> None:
    """Waits for the end of standard input, from before the server starts: its parent may be killed meanwhile."""
    sys.stdin.buffer.read()
    home = Path(os.environ["PREFECT_HOME"])
    for _ in range(CLEANINGS):
        shutil.rmtree(home, ignore_errors=True)
        if not home.exists():
            break
    os._exit(0)


def _empty_database() -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "limbeck" / f"prefect-{version('prefect')}.db"


def _keep_database() -> None:
    """Copies the database of a first start, still empty, to where the next one finds it."""
    kept, home = _empty_database(), Path(os.environ["PREFECT_HOME"])
    if kept.exists():
        return
    with contextlib.suppress(OSError, sqlite3.Error):
        kept.parent.mkdir(parents=True, exist_ok=True)
        temporary = kept.with_name(f"{kept.name}.{os.getpid()}.tmp")
        paths = (home / "prefect.db", temporary)
        source, target = (contextlib.closing(sqlite3.connect(path)) for path in paths)
        with source as full, target as copy:
            full.backup(copy)
        os.replace(temporary, kept)


if __name__ == "__main__":
    serve()
