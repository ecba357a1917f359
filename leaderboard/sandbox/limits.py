"""How much a child in the sandbox may use, and the resource limits that hold it to that."""

from __future__ import annotations

import os
import resource
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

MIB = 1024**2
GIB = 1024**3

OPEN_FILES = 256
"""How many files a child may have open at once."""


@dataclass(frozen=True)
class Limits:
    """How much a child may use.

    Memory is limited twice. ``RLIMIT_DATA`` refuses private memory beyond the limit at once; unlike
    ``RLIMIT_AS`` it does not count the address space that CUDA and large libraries reserve
    (importing PyTorch takes 0.75 GB of the one and 3.2 GB of the other). The parent adds up the
    resident memory of all processes of the child, shared memory included, and ends them if it is
    more.

    Attributes:
        memory: bytes.
        seconds: wall time of a request, from when it is sent to when it is answered.
        file_size: bytes of a file that it writes, and of its private temporary folder.
        processes: number of processes; 1 for the child alone.
        threads: number of threads of all its processes.
        line: bytes of a line that ``emit`` sends.
        answer: bytes of an answer, and of all lines of a request together.
        silence: seconds between two lines, after which it counts as hanging; ``None`` for no limit.
    """

    memory: int
    seconds: float
    file_size: int = 64 * MIB
    processes: int = 1
    threads: int = 256
    line: int = 64 * 1024
    answer: int = 16 * MIB
    silence: float | None = None

    @property
    def memory_text(self) -> str:
        """The memory for people, such as ``"2 GiB"``."""
        unit, name = (GIB, "GiB") if self.memory >= GIB else (MIB, "MiB")
        return f"{self.memory / unit:.3g} {name}"


VALIDATION = Limits(memory=2 * GIB, seconds=60.0)
"""For looking at a file that somebody sent."""

SCORING = Limits(
    memory=16 * GIB, seconds=7 * 24 * 3600.0, file_size=256 * MIB, threads=1024, answer=256 * MIB
)
"""For scoring a submitted model: a probe on a large model takes hours."""


def apply(limits: Limits, cpu_seconds: float | None = None) -> None:
    """Set the resource limits of this process and of all that it starts.

    The number of processes is not among them, see :func:`apply_processes`.

    Args:
        limits: the limits.
        cpu_seconds: processor time; ``None`` for no limit.
    """
    _set(resource.RLIMIT_DATA, limits.memory)
    _set(resource.RLIMIT_FSIZE, limits.file_size)
    _set(resource.RLIMIT_NOFILE, OPEN_FILES)
    _set(resource.RLIMIT_CORE, 0)
    if hasattr(resource, "RLIMIT_MSGQUEUE"):  # Linux
        _set(resource.RLIMIT_MSGQUEUE, 0)
    if cpu_seconds is not None:
        _set(resource.RLIMIT_CPU, int(cpu_seconds) + 1)


def apply_processes(limits: Limits) -> None:
    """Limit the number of threads of this user, to as many as there are now and those of a child.

    The system counts threads, of all processes of the user, and does not hold root to the limit. So
    this is for where nothing else keeps a process from starting others.
    """
    if os.getuid():
        _set(resource.RLIMIT_NPROC, _threads_of_user() + limits.threads)


def _threads_of_user() -> int:
    total = 0
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if path.stat().st_uid == os.getuid():
                total += len(list((path / "task").iterdir()))
    return total


def _set(what: int, value: int) -> None:
    """Set a limit for good, or leave a lower one that holds already."""
    _, hard = resource.getrlimit(what)
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(what, (value, value))
