"""What the kernel does for a process: it refuses it the network (seccomp, Linux on x86-64 and arm64), and ends it with
its parent.

A SPARQL engine that can follow SERVICE is one missed spelling away from calling any address that this machine reaches,
so the processes that answer queries have no way to.
"""

import ctypes
import platform
import signal
import struct
import sys
from contextlib import suppress

_SOCKET = {"x86_64": 41, "aarch64": 198}
_NO_NEW_PRIVILEGES, _SET_SECCOMP, _MODE_FILTER = 38, 22, 2
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000 | 13
_LOAD, _JUMP_IF_EQUAL, _RETURN = 0x20, 0x15, 0x06


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def deny_network() -> bool:
    """Whether the kernel now refuses new sockets (EACCES) to this thread and all that it starts, for good."""
    number = _SOCKET.get(platform.machine())
    if sys.platform != "linux" or number is None:
        return False
    steps = ((_LOAD, 0, 0, 0), (_JUMP_IF_EQUAL, 0, 1, number), (_RETURN, 0, 0, _REFUSE), (_RETURN, 0, 0, _ALLOW))
    code = b"".join(struct.pack("HBBI", *step) for step in steps)
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    if prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0):
        return False
    return bool(prctl(_SET_SECCOMP, _MODE_FILTER, ctypes.byref(_Program(len(steps), code)), 0, 0) == 0)


def end_with_parent() -> None:
    """Has the kernel end this process as soon as the one that started it ends (Linux's PR_SET_PDEATHSIG); elsewhere
    nothing happens."""
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)
