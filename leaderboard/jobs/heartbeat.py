"""Extending a lease while its job runs."""

from __future__ import annotations

import threading
from typing import Self

from leaderboard.store.job import Lease, LeaseLostError
from leaderboard.store.jobs import Jobs
from models_zoo.errors import InputError

HEARTBEAT_SECONDS = 1.0
"""How often a worker is heard of if there are few, so that its progress can be watched."""

WORKERS_PER_SECOND = 20
"""How many workers may be heard of per second: each writes to the database."""


def interval(lease_seconds: float, workers: int = 1) -> float:
    """Seconds between two heartbeats.

    At most a quarter of a lease, so that a slow database or a missed beat does not lose it.

    Args:
        lease_seconds: how long a lease lasts.
        workers: how many workers share the database.
    """
    return min(lease_seconds / 4, max(HEARTBEAT_SECONDS, workers / WORKERS_PER_SECOND))


class Heartbeat:
    """Extends a lease from a thread of its own, since a pass of the attack may take longer.

    A context manager, inside which it beats.

    Attributes:
        progress: share of the job that is done; set by the worker.

    Args:
        jobs: the jobs of a database.
        lease: the job.
        seconds: time between two beats; ``None`` for none, where no other process can take the job.
    """

    def __init__(self, jobs: Jobs, lease: Lease, seconds: float | None) -> None:
        self.progress = 0.0
        self._jobs, self._lease, self._seconds = jobs, lease, seconds
        self._ended, self._lost = threading.Event(), threading.Event()
        self._thread = None if seconds is None else threading.Thread(target=self._beat, daemon=True)

    def __enter__(self) -> Self:
        """Start."""
        if self._thread is not None:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()

    def require_held(self) -> None:
        """Check that the job is still this process's.

        Raises:
            LeaseLostError: another process has taken it, or it was cancelled.
        """
        if self._lost.is_set():
            raise LeaseLostError(self._lease.title)

    def _beat(self) -> None:
        while not self._ended.wait(self._seconds):
            try:
                self._jobs.extend(self._lease, self.progress)
            except LeaseLostError:
                self._lost.set()
                return
            except InputError:  # the database is away; the next beat may find it again
                continue
