import os
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from flows.server import LocalServer, check_server
from kg.errors import LimbeckError
from limbeck.endpoint import serving
from limbeck.service import service_app

PROGRAM = """
import time
from flows.server import LocalServer
server = LocalServer()
print(server.url, server._process.pid, flush=True)
time.sleep(600)
"""


def is_alive(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rsplit(")", 1)[1].split()[0] != "Z"


def test_the_server_answers_while_it_is_open_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    with LocalServer() as server:
        url = server.url
        check_server(url)
        assert len(list(tmp_path.iterdir())) == 1
    assert not list(tmp_path.iterdir())
    with pytest.raises(LimbeckError, match="no Prefect server answers"):
        check_server(url)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_server_ends_and_cleans_up_when_its_parent_is_killed(tmp_path: Path) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    parent = subprocess.Popen([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, text=True, env=environment)
    assert parent.stdout is not None
    url, pid = parent.stdout.readline().split()
    with urllib.request.urlopen(f"{url}/health") as response:
        assert response.read() == b"true"
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    for _ in range(300):
        if not is_alive(int(pid)):
            break
        time.sleep(0.1)
    assert not is_alive(int(pid))
    assert not list(tmp_path.iterdir())


def test_a_server_of_another_kind_is_not_taken_for_one() -> None:
    app = service_app(lambda *_: {}, lambda *_: b"", dict)
    with serving(app) as base, pytest.raises(LimbeckError, match="Start one with `prefect server start`"):
        check_server(f"{base}/api")
    with pytest.raises(LimbeckError, match="no Prefect server answers at no-address"):
        check_server("no-address")
