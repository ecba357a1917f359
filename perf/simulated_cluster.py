"""A cluster that works through a plan while its workers die, in virtual time.

The units and the order in
which they are claimed are those of :mod:`benchmark.planning`; leases, attempts and deaths follow
the rules of the jobs table: a claim takes the first unit that waits, a lease is extended by
heartbeats and expires if they stop, and a unit whose workers died twice has failed. Nothing is
computed, and nothing is written to a database: every write is counted.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import count

import numpy as np
from numpy.typing import NDArray

from benchmark.planning import Unit
from benchmark.planning.division import divided
from benchmark.planning.schedule import Queue, lower_bound, schedule, seconds_of

HOUR = 3600.0
DAY = 24 * HOUR


@dataclass(frozen=True)
class Cluster:
    """The workers, and what goes wrong.

    The rates are harsh on purpose: a thousand workers see 40 deaths an hour.

    Attributes:
        workers: their number.
        per_node: workers on a node, which die together.
        worker_life: mean seconds until a worker dies by itself.
        node_life: mean seconds until a node dies.
        restart: seconds until a dead worker works again, if the driver is there to start it.
        stall_every: mean seconds between the times at which a worker is cut off from the database.
        stall: mean seconds that it is cut off.
        slow_tail: exponent of the Pareto distribution of how much slower workers are than the
            fastest: with 4 the median is 1.19, and the slowest of a thousand about 5.6.
        driver_dies: seconds after which the driver dies, if it does.
        driver_down: seconds until it is started again.
        lease: seconds that a lease lasts.
        beat: seconds between two heartbeats.
        poll: seconds between two tries of a worker that found nothing to claim.
        max_attempts: attempts after which a unit has failed.
        max_deaths: deaths of workers after which a unit has failed.
    """

    workers: int = 1000
    per_node: int = 8
    worker_life: float = 2 * DAY
    node_life: float = 2 * DAY
    restart: float = 120.0
    stall_every: float = 2 * DAY
    stall: float = 45.0
    slow_tail: float = 4.0
    driver_dies: float = HOUR
    driver_down: float = 600.0
    lease: float = 60.0
    beat: float = 15.0
    poll: float = 1.0
    max_attempts: int = 3
    max_deaths: int = 2


@dataclass(frozen=True)
class Outcome:
    """What happened.

    Attributes:
        seconds: until the last unit was done or had failed.
        bound: no schedule on workers that never fail and are as fast as the fastest is shorter.
        undisturbed: the time with the same order on such workers.
        done: identities of the units that are done, in the order in which they were.
        failed: identities of the units that failed.
        deaths: attempts that ended with the death of the worker.
        lost_leases: attempts whose lease expired while the worker lived.
        work: seconds of work on units, repeated work included.
        repeated: seconds of work whose result was lost.
        unshared: seconds of work that another worker has done too, for a unit of the same model
            that this one takes work over from.
        loads: how often a model was loaded.
        busy: share of the workers' time, until the end, in which they worked on units or loaded.
        writes: database writes in every second.
        last: the unit that ended last.
        last_speed: how much slower than the fastest its worker was.
    """

    seconds: float
    bound: float
    undisturbed: float
    done: tuple[str, ...]
    failed: tuple[str, ...]
    deaths: int
    lost_leases: int
    work: float
    repeated: float
    unshared: float
    loads: int
    busy: float
    writes: NDArray[np.int64]
    last: Unit
    last_speed: float


@dataclass
class _Worker:
    """A worker; ``attempt`` is the number of what it does now, 0 if nothing.

    ``known`` are the probes that it has run on the model that it has loaded.
    """

    slowness: float
    alive: bool = True
    loaded: str | None = None
    unit: Unit | None = None
    attempt: int = 0
    began: float = 0.0
    loading: float = 0.0
    cut_off: float = 0.0
    known: set[str] = field(default_factory=set)


@dataclass
class _Job:
    """The row of a unit in the jobs table."""

    attempts: int = 0
    deaths: int = 0
    token: int = 0
    state: str = "queued"


@dataclass
class Simulation:
    """A cluster that works through units.

    Attributes:
        units: with known seconds, those of the fastest worker.
        cluster: the workers.
        loading: seconds that loading a model takes, by fingerprint.
        seed: of all random draws.
        taken_over: by identity, seconds that a unit takes longer if its worker has not run another
            probe on the same model before, by the name of that probe.
    """

    units: Sequence[Unit]
    cluster: Cluster
    loading: Mapping[str, float] = field(default_factory=dict)
    seed: int = 0
    taken_over: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._random = np.random.default_rng(self.seed)
        slow = self._random.pareto(self.cluster.slow_tail, self.cluster.workers) + 1
        self._workers = [_Worker(each) for each in slow / slow.min()]
        self._jobs = {unit.identity: _Job() for unit in self.units}
        self._queue = Queue(self.units)
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers, self._attempts = count(), count(1)
        self._idle: list[int] = []
        self._driver, self._waiting_for_driver = True, list[int]()
        self._open = len(self.units)
        self._now = self._end = 0.0
        self._writes: dict[int, int] = {}
        self._done: list[str] = []
        self._deaths = self._lost = self._loads = 0
        self._work = self._repeated = self._unshared = self._busy = 0.0
        self._last = (self.units[0], 1.0)

    def run(self) -> Outcome:
        """Work until every unit is done or has failed."""
        cluster = self.cluster
        for number in range(cluster.workers):
            self._at(0.0, partial(self._claim, number))
            self._later(cluster.worker_life, partial(self._dies_alone, number))
            self._later(cluster.stall_every, partial(self._stalls, number))
        for node in range(math.ceil(cluster.workers / cluster.per_node)):
            self._later(cluster.node_life, partial(self._node_dies, node))
        self._at(cluster.driver_dies, self._driver_dies)
        while self._open:
            self._now, _, happen = heapq.heappop(self._events)
            happen()
        return self._outcome()

    def _at(self, time: float, happen: Callable[[], None]) -> None:
        if math.isfinite(time):
            heapq.heappush(self._events, (time, next(self._numbers), happen))

    def _later(self, mean: float, happen: Callable[[], None]) -> None:
        """After a time that is distributed exponentially."""
        if math.isfinite(mean):
            self._at(self._now + self._random.exponential(mean), happen)

    def _write(self, time: float) -> None:
        self._writes[int(time)] = self._writes.get(int(time), 0) + 1

    def _claim(self, number: int) -> None:
        worker = self._workers[number]
        if not worker.alive or worker.unit is not None:
            return
        unit = self._queue.claim(worker.loaded)
        if unit is None:
            self._idle.append(number)
            return
        job = self._jobs[unit.identity]
        job.state, job.attempts, job.token = "running", job.attempts + 1, next(self._attempts)
        self._write(self._now)
        worker.loading = 0.0
        if worker.loaded != unit.fingerprint:
            worker.loaded, worker.loading = unit.fingerprint, self.loading.get(unit.fingerprint, 0)
            self._loads += 1
            worker.known = set()
        others = self.taken_over.get(unit.identity, {})
        further = sum(each for probe, each in others.items() if probe not in worker.known)
        self._unshared += further
        worker.unit, worker.attempt, worker.began = unit, job.token, self._now
        token = job.token
        lasts = worker.loading + worker.slowness * (seconds_of(unit) + further)
        self._at(self._now + lasts, lambda: self._finishes(number, token))

    def _beats(self, worker: _Worker, until: float) -> float:
        """Write the heartbeats of an attempt, and return the time of the last one."""
        times = np.arange(worker.began + self.cluster.beat, until, self.cluster.beat)
        for second, number in zip(*np.unique(times.astype(int), return_counts=True), strict=True):
            self._writes[int(second)] = self._writes.get(int(second), 0) + int(number)
        return float(times[-1]) if len(times) else worker.began

    def _stops(self, number: int, *, kept: bool) -> tuple[_Worker, Unit]:
        """A worker ends its attempt now."""
        worker = self._workers[number]
        unit = worker.unit
        if unit is None:
            raise RuntimeError("a worker without a unit has stopped working on it")
        spent = self._now - worker.began
        self._busy += spent
        worked = max(spent - worker.loading, 0.0)
        self._work += worked
        if not kept:
            self._repeated += worked
        worker.unit, worker.attempt = None, 0
        return worker, unit

    def _finishes(self, number: int, token: int) -> None:
        worker = self._workers[number]
        if worker.attempt != token or not worker.alive or self._now < worker.cut_off:
            return
        self._beats(worker, self._now)
        worker, unit = self._stops(number, kept=True)
        job = self._jobs[unit.identity]
        self._write(self._now)
        if job.token != token or job.state != "running":
            raise RuntimeError("a worker has finished a unit whose lease it had lost")
        job.state = "done"
        if unit.shard is None:
            worker.known.add(unit.probe)
        self._done.append(unit.identity)
        self._ends(unit, worker)
        self._claim(number)

    def _ends(self, unit: Unit, worker: _Worker) -> None:
        self._open -= 1
        self._end, self._last = self._now, (unit, worker.slowness)

    def _dies_alone(self, number: int) -> None:
        self._dies(number)
        self._later(self.cluster.worker_life, lambda: self._dies_alone(number))

    def _node_dies(self, node: int) -> None:
        first = node * self.cluster.per_node
        for number in range(first, min(first + self.cluster.per_node, self.cluster.workers)):
            self._dies(number)
        self._later(self.cluster.node_life, lambda: self._node_dies(node))

    def _dies(self, number: int) -> None:
        worker = self._workers[number]
        if not worker.alive:
            return
        if worker.unit is not None:
            token = worker.attempt
            last = self._beats(worker, self._now) if self._now > worker.cut_off else worker.cut_off
            worker, unit = self._stops(number, kept=False)
            self._deaths += 1
            self._at(last + self.cluster.lease, lambda: self._expires(unit, token, worker))
        worker.alive, worker.loaded = False, None
        if number in self._idle:
            self._idle.remove(number)
        if self._driver:
            self._at(self._now + self.cluster.restart, lambda: self._comes_back(number))
        else:
            self._waiting_for_driver.append(number)

    def _comes_back(self, number: int) -> None:
        self._workers[number].alive = True
        self._claim(number)

    def _stalls(self, number: int) -> None:
        """A worker is cut off from the database, and stops if its lease has expired meanwhile."""
        worker, cluster = self._workers[number], self.cluster
        self._later(cluster.stall_every, lambda: self._stalls(number))
        if not worker.alive or worker.unit is None:
            return
        lasts = self._random.exponential(cluster.stall)
        since = (self._now - worker.began) % cluster.beat
        if since + lasts <= cluster.lease:
            return  # the next heartbeat comes in time
        token, last = worker.attempt, self._beats(worker, self._now)
        unit = worker.unit
        self._at(last + cluster.lease, lambda: self._expires(unit, token, worker))
        self._at(self._now + lasts, lambda: self._notices(number, token))
        worker.cut_off = self._now + lasts

    def _notices(self, number: int, token: int) -> None:
        """The first heartbeat after a stall finds the lease lost, and the attempt is given up."""
        worker = self._workers[number]
        if worker.attempt != token or not worker.alive:
            return
        self._stops(number, kept=False)
        self._lost += 1
        self._claim(number)

    def _expires(self, unit: Unit, token: int, worker: _Worker) -> None:
        """A lease has expired: the unit waits again, or has failed."""
        job = self._jobs[unit.identity]
        if job.token != token or job.state != "running":
            return
        job.deaths += 1
        self._write(self._now)
        cluster = self.cluster
        if job.deaths >= cluster.max_deaths or job.attempts >= cluster.max_attempts:
            job.state = "failed"
            self._ends(unit, worker)
            return
        job.state, job.token = "queued", 0
        self._queue.put(unit)
        self._at(self._now + self._random.uniform(0, cluster.poll), self._polled)

    def _polled(self) -> None:
        """An idle worker finds a unit that waits again."""
        if self._idle and len(self._queue):
            self._claim(self._idle.pop())

    def _driver_dies(self) -> None:
        self._driver = False
        self._at(self._now + self.cluster.driver_down, self._driver_comes_back)

    def _driver_comes_back(self) -> None:
        """It reads the plan from the database and starts the workers that died meanwhile."""
        self._driver = True
        for number in self._waiting_for_driver:
            self._at(self._now + self.cluster.restart, partial(self._comes_back, number))
        self._waiting_for_driver.clear()

    def _outcome(self) -> Outcome:
        workers = self.cluster.workers
        writes = np.zeros(int(self._end) + 1, dtype=np.int64)
        for second, number in self._writes.items():
            if second < len(writes):
                writes[second] = number
        planned = divided(self.units, {}, self.taken_over)
        return Outcome(
            seconds=self._end,
            bound=lower_bound(planned, workers, self.loading),
            undisturbed=schedule(planned, workers, self.loading).seconds,
            done=tuple(self._done),
            failed=tuple(name for name, job in self._jobs.items() if job.state == "failed"),
            deaths=self._deaths,
            lost_leases=self._lost,
            work=self._work,
            repeated=self._repeated,
            unshared=self._unshared,
            loads=self._loads,
            busy=self._busy / (workers * self._end),
            writes=writes,
            last=self._last[0],
            last_speed=self._last[1],
        )
