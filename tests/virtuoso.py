"""A real Virtuoso on loopback, in a temporary folder, with its usual limit of 10,000 rows."""

import ctypes
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType

INSTALL = "install: apt-get install virtuoso-opensource"
START_S = 180

_INI = """\
[Database]
DatabaseFile = {folder}/virtuoso.db
ErrorLogFile = {folder}/virtuoso.log
LockFile = {folder}/virtuoso.lck
TransactionFile = {folder}/virtuoso.trx
xa_persistent_file = {folder}/virtuoso.pxa
ErrorLogLevel = 3
FileExtend = 200
MaxCheckpointRemap = 2000
TempStorage = TempDatabase
[TempDatabase]
DatabaseFile = {folder}/temp.db
TransactionFile = {folder}/temp.trx
MaxCheckpointRemap = 2000
[Parameters]
ServerPort = 127.0.0.1:{sql_port}
DisableUnixSocket = 1
ServerThreads = 20
CheckpointInterval = 0
NumberOfBuffers = 20000
MaxDirtyBuffers = 12000
DirsAllowed = {allowed}
[HTTPServer]
ServerPort = 127.0.0.1:{http_port}
ServerRoot = {folder}
ServerThreads = 5
[SPARQL]
ResultSetMaxRows = 10000
MaxQueryCostEstimationTime = 4000
MaxQueryExecutionTime = 300
"""


def is_installed() -> bool:
    """Whether the server and its command line are there."""
    return bool(shutil.which("virtuoso-t") and shutil.which("isql-vt"))


class Virtuoso:
    """A server for a `with` block; `url` is its SPARQL endpoint. It also ends when this process does."""

    def __init__(self, *, allowed: tuple[Path, ...] = ()) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="virtuoso-"))
        self._allowed = allowed
        self._sql_port, self._http_port = _free_ports(2)
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"http://127.0.0.1:{self._http_port}/sparql"

    def __enter__(self) -> "Virtuoso":
        allowed = ", ".join(str(path) for path in (self._folder, *self._allowed))
        ini = self._folder / "virtuoso.ini"
        ini.write_text(
            _INI.format(folder=self._folder, allowed=allowed, sql_port=self._sql_port, http_port=self._http_port)
        )
        self._process = subprocess.Popen(
            ["virtuoso-t", "+foreground", "+configfile", str(ini)],
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=_end_with_parent,
        )
        try:
            self._wait()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """The server's process."""
        if self._process is None:
            raise RuntimeError("the server does not run")
        return self._process.pid

    def load(self, path: Path, graph: str) -> None:
        """Loads an N-Triples or Turtle file, plain or .gz, into a named graph."""
        source = path.resolve()
        if not any(source.is_relative_to(folder) for folder in (self._folder, *self._allowed)):
            source = Path(shutil.copy(source, self._folder / source.name))
        forget = "delete from DB.DBA.load_list;"  # a path that it has loaded once it would not load again
        self.run(f"{forget}\nld_dir('{source.parent}', '{source.name}', '{graph}');\nrdf_loader_run();\ncheckpoint;")
        failed = self.run("select 'FAILED', ll_file, ll_error from DB.DBA.load_list where ll_error is not null;")
        if "FAILED" in failed.split("LL_ERROR")[-1]:
            raise RuntimeError(f"Virtuoso did not load {path}: {failed}")

    def run(self, statements: str) -> str:
        """What isql prints for SQL statements."""
        done = subprocess.run(
            ["isql-vt", f"127.0.0.1:{self._sql_port}", "dba", "dba", "ERRORS=STDOUT", "VERBOSE=OFF", "PROMPT=OFF"],
            input=statements,
            capture_output=True,
            text=True,
            timeout=600,
            check=True,
        )
        if "*** Error" in done.stdout:
            raise RuntimeError(done.stdout)
        return done.stdout

    def stop(self) -> None:
        """Ends the server and removes its files."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None
        shutil.rmtree(self._folder, ignore_errors=True)

    def _wait(self) -> None:
        end = time.monotonic() + START_S
        while time.monotonic() < end:
            if self._process is None or self._process.poll() is not None:
                log = self._folder / "virtuoso.log"
                raise RuntimeError(f"Virtuoso did not start: {log.read_text() if log.exists() else 'no log'}")
            try:
                with urllib.request.urlopen(self.url + "?query=ASK%7B%7D", timeout=10):
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.2)
        raise RuntimeError(f"Virtuoso did not answer within {START_S} s")


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def _end_with_parent() -> None:
    """PR_SET_PDEATHSIG: no server outlives a test run that is killed."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)
