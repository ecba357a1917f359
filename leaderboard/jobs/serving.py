"""A worker on its own: it takes whatever waits, for as long as it is wanted."""

from __future__ import annotations

import time

from benchmark.results import ProbeResult
from leaderboard.jobs.worker import Worker, take_back_abandoned
from leaderboard.store.job import Lease, State, last_line
from leaderboard.terminal.output import say
from models_zoo.display import printable
from models_zoo.errors import InputError

IDLE_SECONDS = 2.0
"""How long a worker waits before it looks for work again."""


class WorkerLines:
    """Prints a line per unit that a worker has run."""

    def __init__(self) -> None:
        self._done = self._failed = 0

    def progressed(self, lease: Lease, share: float) -> None:
        """A share of a unit is done."""

    def answered(self, lease: Lease, result: ProbeResult | None) -> None:
        """A unit or a shard is done."""
        self._done += 1
        if result is None or lease.payload.get("shard") is not None:
            ended = "is done"
        else:
            ended = "is left out" if result.left_out else f"took {result.cost.seconds:.1f} s"
        say(printable(f"{lease.title} {ended}"), err=True)

    def failed(self, lease: Lease, error: str, state: State) -> None:
        """An attempt has failed."""
        self._failed += state == "failed"
        again = "" if state == "failed" else ", and is tried again"
        say(printable(f"{lease.title} failed ({last_line(error)}){again}"), err=True)

    @property
    def summary(self) -> str:
        """What was done, in one line."""
        failed = f", {self._failed:,} failed: nonsingular jobs shows why" if self._failed else ""
        return f"{self._done:,} {'job' if self._done == 1 else 'jobs'} done{failed}"


def serve(worker: Worker, *, drain: bool) -> None:
    """Run jobs until none is left, or until this process is interrupted.

    Args:
        worker: takes the jobs.
        drain: whether to return when no job waits or runs.

    Raises:
        InputError: with ``drain``, jobs are left that this worker cannot run.
    """
    told = 0
    while True:
        take_back_abandoned(worker.jobs)
        while worker.work():
            pass
        declined = list(worker.declined.values())
        for reason in declined[told:]:
            say(printable(f"note: left to other workers: {reason}"), err=True)
        told = len(declined)
        if drain and not worker.jobs.any_open(without=worker.declined):
            if declined:
                raise InputError(
                    f"{len(declined):,} {'job is' if len(declined) == 1 else 'jobs are'} left that "
                    f"this worker cannot run: {declined[0]}"
                )
            return
        time.sleep(IDLE_SECONDS)
