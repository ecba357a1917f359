"""Calls of the kernel that Python has no function for."""

from __future__ import annotations

import ctypes
import os
import signal
from typing import Any

PR_SET_PDEATHSIG, PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 1, 22, 38

_CAPABILITY_VERSION_3 = 0x20080522


def prctl(option: int, first: Any, second: Any = 0) -> None:
    """Change an attribute of this process.

    Raises:
        OSError: the kernel refuses.
    """
    zero = ctypes.c_ulong(0)
    if _libc().prctl(option, _word(first), _word(second), zero, zero):
        raise _error("prctl")


def syscall(number: int, *arguments: Any) -> int:
    """Call the kernel by number.

    Raises:
        OSError: the kernel refuses.
    """
    result: int = _libc().syscall(ctypes.c_long(number), *map(_word, arguments))
    if result < 0:
        raise _error(f"system call {number}")
    return result


def end_with_parent(parent: int) -> None:
    """End this process when the thread that started it does.

    Args:
        parent: number of the process that started it; 0 if it cannot be seen from here.
    """
    prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL))
    if parent and os.getppid() != parent:  # it ended before that call
        os._exit(1)


def gain_nothing() -> None:
    """Give up all capabilities for good, and what programs with a set-user-id bit would give."""
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    nothing = (ctypes.c_uint32 * 6)()
    if _libc().capset(ctypes.byref(header), ctypes.byref(nothing)):
        raise _error("capset")


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _word(value: Any) -> Any:
    return ctypes.c_ulong(value) if isinstance(value, int) else value


def _error(what: str) -> OSError:
    number = ctypes.get_errno()
    return OSError(number, f"{what}: {os.strerror(number)}")
