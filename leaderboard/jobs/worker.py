"""A worker: takes units from the database, runs them and stores their results."""

from __future__ import annotations

import traceback
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from pydantic import ValidationError

from benchmark.probes import PROBES
from benchmark.probes.divisible import join_shards
from benchmark.results import ProbeResult
from benchmark.shards import ShardResult
from leaderboard.jobs.assignment import Assignment
from leaderboard.jobs.computing import Answer, InProcess
from leaderboard.jobs.heartbeat import Heartbeat, interval
from leaderboard.jobs.isolated import Isolated
from leaderboard.jobs.materials import Materials
from leaderboard.jobs.owner import is_gone, owner_of
from leaderboard.jobs.sources import NotHereError
from leaderboard.sandbox import SCORING, Crashed, Failed, Limits, SandboxError
from leaderboard.store import Store
from leaderboard.store.job import Lease, LeaseLostError, State
from leaderboard.store.jobs import Jobs
from leaderboard.store.shards import ShardsError, StoredShard
from leaderboard.store.writing import until_back
from leaderboard.submissions.accuracy_check import with_flags
from leaderboard.terminal.output import say
from models_zoo.display import cut, printable
from models_zoo.errors import InputError, first_problem

MAX_TRACEBACK = 8000
"""Maximum number of characters of a traceback that is stored, its last ones."""


MAX_NOTE = 400
"""Maximum number of characters of a note, which may come from the sandbox."""


class Watcher(Protocol):
    """Is told what a worker does, in its process."""

    def progressed(self, lease: Lease, share: float) -> None:
        """A share of a unit is done."""

    def answered(self, lease: Lease, result: ProbeResult | None) -> None:
        """A unit is done, and its result stored; ``None`` after a shard that was not the last."""

    def failed(self, lease: Lease, error: str, state: State) -> None:
        """An attempt has failed; by the state the job waits again or has failed for good."""


@dataclass
class Worker:
    """Takes units from a database and runs them, one at a time.

    Attributes:
        store: where units are taken and results stored.
        materials: models, examples and batteries of this process.
        numbers: take only these jobs; ``None`` for all units.
        watcher: is told what happens.
        workers: how many workers share the database, about; see
            :func:`leaderboard.jobs.heartbeat.interval`.
        sandbox: whether to compute all units in the sandbox, not only those of models that are not
            trusted; models that were given are in this process already, and computed here.
        limits: what the sandbox may use.
        choosy: whether to leave units to other workers that this process cannot load, instead of
            failing them; ``declined`` has the reasons by the number of the job.
    """

    store: Store
    materials: Materials
    numbers: Collection[int] | None = None
    watcher: Watcher | None = None
    workers: int = 1
    choosy: bool = False
    sandbox: bool = False
    limits: Limits = SCORING

    def __post_init__(self) -> None:
        self.declined: dict[int, str] = {}
        self.jobs = Jobs(self.store.engine)
        self.owner = owner_of()
        self._in_process = InProcess(self.materials)
        self._isolated = Isolated(self.materials, self.limits)

    def work(self) -> bool:
        """Take a unit and run it.

        Returns:
            Whether there was one to take.

        Raises:
            InputError: the database cannot be used any more.
        """
        held = self._isolated.held or self.materials.held
        lease = self.jobs.claim(self.owner, numbers=self.numbers, without=self.declined, model=held)
        if lease is None:
            return False
        try:
            self._do(lease)
        except LeaseLostError:  # another worker has it, or it was cancelled
            self.close()
        except BaseException as error:
            self.close()
            if isinstance(error, KeyboardInterrupt | SystemExit):
                self.jobs.release(lease)
            raise
        return True

    def close(self) -> None:
        """Restore the model that was evaluated last, and end the sandbox."""
        self._in_process.close()
        self._isolated.close()

    def _do(self, lease: Lease) -> None:
        seconds = interval(self.jobs.lease_seconds, self.workers)
        with Heartbeat(self.jobs, lease, None if self.store.in_memory else seconds) as heart:
            try:
                task = Assignment.model_validate(lease.payload)
            except ValidationError as error:
                where, reason, _ = first_problem(error)
                message = f"the job is not one of this version of nonsingular ({where}: {reason})"
                self._failed(lease, message, again=False)
                return
            try:
                known, result = self._known(task)
                if not known:
                    answer = self._evaluated(task, lease, heart)
            except LeaseLostError:
                raise
            except InputError as error:
                if self.choosy and isinstance(error, NotHereError):
                    self.declined[lease.number] = f"{lease.title}: {error}"
                    self.jobs.release(lease)
                else:
                    self._failed(lease, str(error), again=False)
                return
            except (Crashed, Failed) as error:
                said = error.stderr if isinstance(error, Crashed) else error.traceback
                text = f"{said.strip()[-MAX_TRACEBACK:]}\n{error}"
                self._failed(lease, text.replace("\0", "\\0").strip(), again=True)
                return
            except SandboxError as error:
                self._failed(lease, str(error), again=False)
                return
            except Exception:
                self._failed(lease, traceback.format_exc()[-MAX_TRACEBACK:], again=True)
                return
            if known:
                self.jobs.finish(lease)
            else:
                try:
                    result = self._saved(task, lease, answer)
                except ShardsError as error:
                    self.store.forget_shards([task.unit.key])
                    message = (
                        f"its stored shards cannot be joined ({error}), perhaps since they are of "
                        "another version, and were deleted; run the command that added it again"
                    )
                    self._failed(lease, message, again=False)
                    return
        if self.watcher is not None:
            self.watcher.answered(lease, result)

    def _known(self, task: Assignment) -> tuple[bool, ProbeResult | None]:
        """Whether another process has done a unit since it was planned, and the result."""
        if task.fresh:
            return False, None
        found = self.store.result(*task.unit.key)
        if found is not None and not found.left_out:
            return True, found
        return task.shard is not None and task.shard in self.store.shards(*task.unit.key), None

    def _saved(self, task: Assignment, lease: Lease, answer: Answer) -> ProbeResult | None:
        """Store what was found, and return the result unless other shards are left."""
        card, provenance, found = answer.card, answer.provenance, answer.found
        battery = self.materials.battery(task)
        if isinstance(found, ProbeResult):
            found = _without_images(found) if task.private else found
            self.store.save(card, provenance, battery, found, submitted=task.submitted, lease=lease)
            return found

        def join(shards: Sequence[ShardResult]) -> ProbeResult:
            probe = PROBES[task.probe](battery.probes[task.probe], battery.probes)
            flags = [flag for each in shards for flag in each.flags]
            joined = with_flags(join_shards(probe, shards), flags, [task.probe])
            return _without_images(joined) if task.private else joined

        return self.store.save_shard(
            card,
            StoredShard(provenance, found),
            battery,
            join,
            lease=lease,
            submitted=task.submitted,
            fresh=task.fresh,
        )

    def _evaluated(self, task: Assignment, lease: Lease, heart: Heartbeat) -> Answer:
        told = _Told(lease, heart, self.watcher)
        if (task.sandboxed or self.sandbox) and not self.materials.has(task.fingerprint):
            self._in_process.close()
            return self._isolated.compute(task, told, heart.require_held)
        self._isolated.close()
        return self._in_process.compute(task, told)

    def _failed(self, lease: Lease, error: str, *, again: bool) -> None:
        self.close()
        state = self.jobs.fail(lease, error, again=again)
        if self.watcher is not None:
            self.watcher.failed(lease, error, state)


@dataclass(frozen=True)
class _Told:
    """Passes on how a unit proceeds, while it is this worker's."""

    lease: Lease
    heart: Heartbeat
    watcher: Watcher | None

    def note(self, text: str) -> None:
        say(printable(f"note: {self.lease.title}: {cut(text, MAX_NOTE)}"), err=True)

    def progressed(self, share: float) -> None:
        self.heart.require_held()
        self.heart.progress = share
        if self.watcher is not None:
            self.watcher.progressed(self.lease, share)


def _without_images(result: ProbeResult) -> ProbeResult:
    return result.model_copy(update={"thumbnails": []})


def open_for_worker(database: str) -> Store:
    """Open a database that another process of the run uses, while its server may be restarting.

    Args:
        database: its URL.

    Raises:
        InputError: it cannot be opened.
    """
    return until_back(lambda: Store.open(database, quiet=True))


def take_back_abandoned(jobs: Jobs) -> None:
    """Take back what processes of this machine worked on that have ended.

    Their leases would expire, but only after a minute.
    """
    for owner in jobs.owners():
        if is_gone(owner):
            jobs.owner_died(owner, "its worker has ended")
