"""What all executors have in common."""

from __future__ import annotations

import os
from typing import Protocol, Self

import torch

MAX_IDLE_DEATHS = 2
"""How many workers may end one after the other without having taken a unit: a third would as
well."""


class Executor(Protocol):
    """Workers that take the units of a run; a context manager, inside which they exist."""

    def __enter__(self) -> Self:
        """Start them."""

    def __exit__(self, kind: type[BaseException] | None, /, *_: object) -> None:
        """Stop them, and take back what they work on."""

    def advance(self) -> None:
        """Work or wait for a moment, and take back the units of workers that have ended.

        Raises:
            InputError: there is no worker left and none can be started.
        """


def cores() -> int:
    """CPU cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def default_workers(models: int, device: str) -> int:
    """How many workers to start: one per model and CPU core; one on an accelerator."""
    return max(1, min(models, cores())) if torch.device(device).type == "cpu" else 1


def threads_per_worker(workers: int) -> int:
    """A fair share of the cores for each of some workers on this machine.

    It depends on the number of workers and on what PyTorch may use (see ``OMP_NUM_THREADS``), not
    on the remaining work, so that a resumed run computes the same bits as an uninterrupted one.
    """
    return max(1, min(torch.get_num_threads(), cores() // workers))
