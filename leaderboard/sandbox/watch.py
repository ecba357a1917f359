"""Watching and ending all processes of a child, from its parent."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

_PAGE = os.sysconf("SC_PAGE_SIZE")

_ROUNDS = 200
"""How often processes are looked for that start while others are ended."""


class Process(NamedTuple):
    """A process, told from a later one with the same number by when it started.

    Attributes:
        pid: its number.
        started: when it started, in clock ticks since the system did.
    """

    pid: int
    started: int


@dataclass(frozen=True)
class Usage:
    """What the processes of a child use together.

    Attributes:
        memory: bytes of resident memory.
        processes: their number.
        threads: number of their threads.
    """

    memory: int = 0
    processes: int = 0
    threads: int = 0


def usage_of(processes: set[Process]) -> Usage:
    """What processes use together; those that have ended use nothing."""
    memory = threads = number = 0
    for process in processes:
        with suppress(OSError, IndexError, ValueError):
            pages = int(Path(f"/proc/{process.pid}/statm").read_bytes().split()[1])
            threads += int(_fields(process.pid)[17])
            memory += pages * _PAGE
            number += 1
    return Usage(memory, number, threads)


def descendants(root: int, known: set[Process] | None = None) -> set[Process]:
    """A process, those that it started and those that these started, without those that ended.

    A process whose parent has ended becomes a child of the system's first process. It is found by
    its session, which is the root's unless it made its own, or among those known from before.

    Args:
        root: number of a process that began a session and was not waited for yet.
        known: processes that were found before.
    """
    running, parents, sessions = {}, {}, {}
    if not Path("/proc").is_dir():  # not on this system
        return set()
    for path in Path("/proc").iterdir():
        if path.name.isdecimal():
            with suppress(OSError, IndexError, ValueError):
                pid = int(path.name)
                fields = _fields(pid)
                if fields[0] not in (b"Z", b"X"):
                    running[pid] = Process(pid, int(fields[19]))
                    parents[pid], sessions[pid] = int(fields[1]), int(fields[3])
    found = {each.pid for each in known or () if running.get(each.pid) == each}
    found |= {pid for pid, session in sessions.items() if root in (pid, session)}
    more = found
    while more:
        more = {pid for pid, parent in parents.items() if parent in found} - found
        found |= more
    return {running[pid] for pid in found}


def end_all(root: int, known: set[Process]) -> None:
    """End a process and everything that it started, also while it starts more.

    All are stopped before any is ended, so that none is left that would start others.

    Args:
        root: number of a process that began a session and was not waited for yet.
        known: processes that were found before.
    """
    stopped: set[Process] = set()
    for _ in range(_ROUNDS):
        found = descendants(root, known | stopped) - stopped
        if not found:
            break
        _signal(found, signal.SIGSTOP)
        stopped |= found
    for _ in range(_ROUNDS):
        found = descendants(root, known | stopped)
        if not found:
            break
        _signal(found, signal.SIGKILL)
        stopped |= found
        time.sleep(0.002)


def folder_size(folder: Path) -> int:
    """Bytes of the files in a folder, as far as they can be seen while they change."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                total += os.lstat(os.path.join(place, name)).st_blocks * 512  # noqa: PTH118, faster
    return total


def _signal(processes: set[Process], number: signal.Signals) -> None:
    for process in processes:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(process.pid, number)


def _fields(pid: int) -> list[bytes]:
    """The fields of ``/proc/PID/stat`` after the program's name, which may contain anything."""
    return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
