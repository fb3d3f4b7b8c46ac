import platform
import subprocess
import sys

import pytest

PROGRAM = """
import socket
from kg.sandbox import deny_network
assert deny_network()
for family in (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX):
    try:
        socket.socket(family)
    except PermissionError:
        continue
    raise SystemExit(f"{family} is open")
print(open("/proc/self/status").read().count("Seccomp:\\t2"))
"""


@pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() not in ("x86_64", "aarch64"), reason="seccomp is Linux's"
)
def test_a_process_without_network_gets_no_socket_but_can_read_files() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "1"), done.stderr
