"""Names of processes in leases, and whether such a process still exists."""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from pathlib import Path

_SEPARATOR = " "


def owner_of(pid: int | None = None) -> str:
    """The name of a process of this machine, which no other process has had or will have.

    Args:
        pid: its number; by default this process's.
    """
    pid = os.getpid() if pid is None else pid
    return _SEPARATOR.join([_place(), str(pid), _started(pid) or "?"])


def is_gone(owner: str) -> bool:
    """Whether a process is known to have ended: it was one of this machine, and is no longer.

    Args:
        owner: its name from :func:`owner_of`.
    """
    place, _, rest = owner.rpartition(_SEPARATOR)[0].rpartition(_SEPARATOR)
    if place != _place() or not rest.isdecimal():
        return False
    started = owner.rpartition(_SEPARATOR)[2]
    now = _started(int(rest))
    if now is None:  # either it has ended or this system does not say when it started
        return not _exists(int(rest))
    return started != now


def _place() -> str:
    """The machine since it was started, and what numbers its processes: containers differ."""
    parts = [socket.gethostname().replace(_SEPARATOR, "_")]
    with suppress(OSError):
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text().strip())
        parts.append(str(Path("/proc/self/ns/pid").readlink()))
    return "/".join(parts)


def _started(pid: int) -> str | None:
    """When a process started, in ticks since the machine did; ``None`` if it is not known."""
    try:
        content = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    # The name of the program, in parentheses, may contain spaces and parentheses.
    fields = content.rpartition(")")[2].split()
    return None if fields[0] == "Z" else fields[19]


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return not Path(f"/proc/{pid}/stat").exists()  # a zombie has ended
