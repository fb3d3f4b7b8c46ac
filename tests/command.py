"""The command line, run in this process or in one of its own."""

import contextlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

import pytest

from flows.server import LocalServer
from limbeck.cli import main


@dataclass(frozen=True)
class Done:
    """What a command left: exit status, stdout, stderr."""

    status: int
    out: str
    err: str

    def json(self) -> Any:
        """The one object on stdout; fails if there is anything else, or if the command failed."""
        assert self.status == 0, self.err
        assert self.out.count("\n") == 1
        return json.loads(self.out)

    @property
    def problem(self) -> str:
        """The one line on stderr that says what went wrong; stdout must be empty."""
        lines = [line for line in self.err.splitlines() if line.startswith("limbeck: ")]
        assert self.status in (1, 2), self
        assert len(lines) == 1 and self.err.rstrip("\n").endswith(lines[0]), self.err
        assert "Traceback" not in self.err
        assert not self.out
        return lines[0].removeprefix("limbeck: ")


def limbeck(*words: object) -> Done:
    """Runs the command line here."""
    out, err = io.StringIO(), io.StringIO()
    status = 0
    argv = ["limbeck", *(str(word) for word in words)]
    with patch.object(sys, "argv", argv), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main()
        except SystemExit as end:
            status = int(end.code or 0)
    return Done(status, out.getvalue(), err.getvalue())


def limbeck_process(*words: object, stdin: str = "", **environment: str) -> Done:
    """Runs the command line in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "limbeck.cli", *(str(word) for word in words)],
        input=stdin,
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        timeout=240,
    )
    return Done(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def flows_here(prefect_server: LocalServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Lets commands run their flows on the session's Prefect server, which saves starting one each time."""
    from prefect.settings import PREFECT_API_URL, temporary_settings

    monkeypatch.setenv("PREFECT_API_URL", prefect_server.url)
    with temporary_settings({PREFECT_API_URL: prefect_server.url}):
        yield
