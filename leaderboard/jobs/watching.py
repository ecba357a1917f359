"""Watching the units of a run until all have ended, whichever process runs them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from benchmark.progress import Step
from benchmark.results import ProbeResult
from leaderboard.jobs.assignment import Assignment
from leaderboard.jobs.planning import ModelPlan, title_of
from leaderboard.store import Store
from leaderboard.store.job import JobStatus, Lease, State, last_line
from leaderboard.store.jobs import Jobs
from leaderboard.submissions.accuracy_check import of_accuracy, raised_lines
from leaderboard.terminal.model_lines import ModelLines, clock_time
from leaderboard.terminal.output import say
from models_zoo.display import printable, shown

ENDED: frozenset[State] = frozenset({"done", "failed", "cancelled"})


class Watch:
    """Shows the progress of units and keeps their results.

    Args:
        plans: of all models.
        numbers: numbers of the jobs, by key.
        store: where the results are.
        jobs: the same database's jobs.
        lines: shows the models.
    """

    def __init__(
        self,
        plans: Sequence[ModelPlan],
        numbers: Mapping[str, int],
        store: Store,
        jobs: Jobs,
        lines: ModelLines,
    ) -> None:
        self._plans, self._numbers, self._lines = plans, numbers, lines
        self._store, self._jobs = store, jobs
        self._places: dict[int, list[tuple[int, Assignment]]] = {}
        for index, plan in enumerate(plans):
            for task in plan.tasks:
                self._places.setdefault(numbers[task.unit.identity], []).append((index, task))
        self._shares = dict.fromkeys(self._places, 0.0)
        self._done: set[int] = set()
        self._shards: dict[str, list[int]] = {}  # of each unit; one that is not divided is its own
        for number, ((_, task), *_rest) in self._places.items():
            self._shards.setdefault(task.unit.whole, []).append(number)
        self.results: list[dict[str, ProbeResult]] = [dict(plan.known) for plan in plans]
        self.unsuccessful: dict[int, JobStatus] = {}
        self._retold: dict[int, int] = {}

    def all_ended(self) -> bool:
        """Look at all units that have not ended yet; returns whether there are none left."""
        open_ones = [number for number in self._places if not self._over(number)]
        if not open_ones:
            return True
        found = {status.number: status for status in self._jobs.statuses(open_ones)}
        for number in open_ones:
            self._look(number, found.get(number))
        return all(map(self._over, self._places))

    def _over(self, number: int) -> bool:
        return number in self.unsuccessful or number in self._done

    def _look(self, number: int, status: JobStatus | None) -> None:
        if status is None or status.state == "done":
            # If there is none: another process that had the same units has deleted its jobs.
            self._fetch(number, status)
        elif status.state in ENDED:
            self.unsuccessful[number] = status
            self._said(number, status)
        else:
            failures = status.attempts - (status.state == "running")
            if status.error and failures > self._retold.get(number, 0):
                self._retold[number] = failures
                self._said(number, status)
            if status.state == "running":
                self._progressed(number, status.progress)

    def _fetch(self, number: int, status: JobStatus | None) -> None:
        _, task = self._places[number][0]
        if status is not None and task.shard is not None:
            self._answered(number, None)
            return
        result = self._store.result(*task.unit.key)
        if result is not None:
            self._answered(number, result)
        elif task.shard is not None and task.shard in self._store.shards(*task.unit.key):
            self._answered(number, None)
        else:
            self._gone(number, status)

    def _gone(self, number: int, status: JobStatus | None) -> None:
        _, task = self._places[number][0]
        missing = JobStatus.missing(number, task.unit.identity, title_of(task))
        self.unsuccessful[number] = status or missing

    def _said(self, number: int, status: JobStatus) -> None:
        """Print that an attempt has failed."""
        again = ", and is tried again" if status.state not in ENDED else ""
        last = last_line(status.error) or status.state
        say(printable(f"{status.title} failed ({last}){again}"), err=True)

    @property
    def failed_units(self) -> list[JobStatus]:
        """Why each unit did not succeed, by the first of its jobs that has failed."""
        found: dict[str, JobStatus] = {}
        for number, status in self.unsuccessful.items():
            found.setdefault(self._places[number][0][1].unit.whole, status)
        return list(found.values())

    @property
    def remaining(self) -> str:
        """How many units have not ended, and how long they are expected to take, in one line."""
        left = [number for number in self._places if not self._over(number)]
        seconds = sum(
            self._places[number][0][1].cost.seconds * (1 - self._shares[number]) for number in left
        )
        units = {self._places[number][0][1].unit.whole for number in left}
        verb = "remains" if len(units) == 1 else "remain"
        work = f"about {clock_time(seconds)} of work"
        return f"{len(units):,} of {len(self._shards):,} units {verb}, {work}"

    # What the worker of this process tells, without a detour through the database.

    def progressed(self, lease: Lease, share: float) -> None:
        """A share of a unit is done."""
        self._progressed(lease.number, share)

    def answered(self, lease: Lease, result: ProbeResult | None) -> None:
        """A unit is done, or a shard."""
        self._answered(lease.number, result)

    def failed(self, lease: Lease, error: str, state: State) -> None:
        """An attempt has failed; :meth:`all_ended` says so."""

    def _progressed(self, number: int, share: float) -> None:
        self._shares[number] = min(share, 1.0)
        for index, task in self._places[number]:
            self._show(index, task.probe)

    def _answered(self, number: int, result: ProbeResult | None) -> None:
        """A job is done; without a result it is a shard, and perhaps the last one."""
        _, task = self._places[number][0]
        numbers = self._shards[task.unit.whole]
        self._done.update([number] if result is None else numbers)
        self._shares.update(dict.fromkeys(self._done, 1.0))
        if result is None and self._done.issuperset(numbers):
            result = self._store.result(*task.unit.key)
            if result is None:
                self._done.discard(number)
                self._gone(number, None)
        checked = any(self._places[each][0][1].checks_accuracy for each in numbers)
        for index, each in self._places[number]:
            self._show(index, each.probe)
            if result is None or each.probe in self.results[index]:
                continue
            self.results[index][each.probe] = result
            self._lines.answered(index, result)
            if checked:
                for line in raised_lines(of_accuracy(result.flags)):
                    say(printable(f"note: {shown(each.name)}: {line}"), err=True)

    def _show(self, index: int, probe: str) -> None:
        """Show the share of a model's work that is done, by the estimates of its units."""
        plan = self._plans[index]
        known = sum(result.cost.seconds for result in plan.known.values())
        left = {self._numbers[task.unit.identity]: task.cost.seconds for task in plan.tasks}
        done = known + sum(self._shares[number] * each for number, each in left.items())
        whole = known + sum(left.values())
        over = all(self._shares[number] == 1 for number in left)
        share = 1.0 if over or whole <= 0 else min(done / whole, 0.999)
        self._lines.progressed(index, Step(probe, share))


def describe(status: JobStatus) -> str:
    """Why a job did not succeed, in one line."""
    if status.state == "cancelled":
        return f"{status.title} was cancelled"
    if status.state == "done":
        return f"the result of {status.title} was deleted, or cannot be read"
    reason = last_line(status.error) or "no reason is known"
    times = f" in {status.attempts} attempts" if status.attempts > 1 else ""
    return f"{status.title} failed{times}: {reason}"
