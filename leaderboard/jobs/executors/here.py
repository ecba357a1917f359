"""The executor that works in this process."""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import Self

from benchmark.threads import computing_with
from leaderboard.jobs.executors.executor import threads_per_worker
from leaderboard.jobs.worker import Worker, take_back_abandoned

IDLE_SECONDS = 0.5
"""How long to wait where all units that are left are with other processes."""


class Here:
    """Works in this process, which has the models loaded.

    Args:
        worker: takes the units.
        threads: CPU threads to compute with; by default as many as PyTorch may use.
    """

    def __init__(self, worker: Worker, threads: int | None = None) -> None:
        self._worker, self._threads = worker, threads
        self._restoring = ExitStack()

    def __enter__(self) -> Self:
        """Compute with a fair number of threads."""
        self._restoring.enter_context(computing_with(self._threads or threads_per_worker(1)))
        return self

    def __exit__(self, *_: object) -> None:
        """Restore the last model and the number of threads."""
        with self._restoring:
            self._worker.close()

    def advance(self) -> None:
        """Run a unit, or wait for those of other processes."""
        if not self._worker.work():
            take_back_abandoned(self._worker.jobs)
            time.sleep(IDLE_SECONDS)
