"""The executor whose workers are actors of a Ray cluster.

Results go from each worker to the database and not through Ray's object store, and Ray retries
nothing: which unit runs again is decided by the jobs table alone.
"""

from __future__ import annotations

import os
import time
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Self

from benchmark.threads import compute_with
from leaderboard.jobs.executors.executor import MAX_IDLE_DEATHS, cores
from leaderboard.jobs.materials import Materials
from leaderboard.jobs.owner import owner_of
from leaderboard.jobs.worker import Worker, open_for_worker, take_back_abandoned
from leaderboard.store.jobs import Jobs
from models_zoo.display import shown
from models_zoo.errors import InputError, reason_of

OBJECT_STORE_BYTES = 100 * 2**20
"""Size of Ray's object store where this process starts Ray: nothing is kept in it, and the default
is 30% of the memory. Ray's minimum is 75 MiB."""

POLL_SECONDS = 0.3
"""How long to wait for an actor to end."""

IDLE_SECONDS = 1.0
"""How long an actor waits before it looks for work again."""

NO_WORKER_SECONDS = 300.0
"""How long a run waits without any worker for a node that has room for one."""


class Actor:
    """A worker on some node of the cluster.

    Args:
        database: URL of the database.
        numbers: the jobs to take.
        workers: how many workers share the database.
        threads: CPU threads to compute with.
        trust: whether a model may execute code when it is loaded.
    """

    def __init__(
        self, database: str, numbers: list[int], workers: int, threads: int, trust: bool
    ) -> None:
        compute_with(threads)
        self._worker = Worker(
            open_for_worker(database), Materials(trust=trust), numbers, workers=workers
        )

    def owner(self) -> str:
        """The name of this process in leases."""
        return owner_of()

    def work(self) -> None:
        """Take units until none of the jobs waits or runs."""
        numbers = list(self._worker.numbers or ())
        while self._worker.jobs.any_open(numbers=numbers):
            if not self._worker.work():
                time.sleep(IDLE_SECONDS)


@dataclass
class _Started:
    """An actor with what it was asked last: first its name, then to work."""

    actor: Any
    answer: Any
    owner: str | None = None


class RayCluster:
    """Workers on a Ray cluster.

    An actor that dies loses its unit, which is taken again by another one, and is replaced where a
    node has room.

    Args:
        address: of the cluster, such as ``"10.0.0.1:6379"`` or ``"auto"``; ``None`` to start Ray
            on this machine.
        database: URL of the database, for the workers.
        jobs: the same database's jobs, for this process.
        numbers: the jobs to take.
        workers: number of actors; ``None`` for as many as the cluster has room for.
        threads: CPU threads per worker, reserved for it on its node.
        gpus: whether each worker needs a GPU.
        trust: whether a model may execute code when it is loaded.
    """

    def __init__(
        self,
        address: str | None,
        database: str,
        jobs: Jobs,
        numbers: Collection[int],
        *,
        workers: int | None = None,
        threads: int = 1,
        gpus: bool = False,
        trust: bool = False,
    ) -> None:
        self._address, self._database, self._jobs = address, database, jobs
        self._numbers, self._workers, self._threads = sorted(numbers), workers, threads
        self._gpus, self._trust = gpus, trust
        self._running: list[_Started] = []
        self._heard = time.monotonic()
        self._idle_deaths = 0

    def __enter__(self) -> Self:
        """Connect to the cluster and start the actors.

        Raises:
            InputError: Ray is not installed, there is no cluster at the address, it has no room for
                a worker, or its machines cannot share the database.
        """
        self._ray = _ray()
        self._connect()
        try:
            self._require_shared()
            count = min(self._workers or self._room(), len(self._numbers))
            self._actor = self._ray.remote(
                num_cpus=self._threads,
                num_gpus=int(self._gpus),
                max_restarts=0,
                max_task_retries=0,
            )(Actor)
            self._arguments = (*(self._database, self._numbers, count, self._threads, self._trust),)
            self._running = [self._start() for _ in range(count)]
        except BaseException:
            self._ray.shutdown()
            raise
        self._heard = time.monotonic()
        return self

    def __exit__(self, kind: type[BaseException] | None, /, *_: object) -> None:
        """End the actors and disconnect."""
        for each in self._running:
            self._ray.kill(each.actor)
        if kind is not None:
            for each in self._running:
                if each.owner is not None:
                    self._jobs.release_owner(each.owner)
        self._ray.shutdown()

    def advance(self) -> None:
        """Wait for a moment, and replace actors that have died.

        Raises:
            InputError: a worker cannot use the database, or no node has had room for one for long.
        """
        answers = {each.answer: each for each in self._running}
        ready, _ = self._ray.wait(list(answers), num_returns=1, timeout=POLL_SECONDS)
        for answer in ready:
            self._answered(answers[answer])
        if any(each.owner is not None for each in self._running):
            self._heard = time.monotonic()
        elif time.monotonic() - self._heard > NO_WORKER_SECONDS:
            raise InputError(
                f"no node of the Ray cluster has had room for a worker ({self._needs}) for "
                f"{NO_WORKER_SECONDS:.0f} s; finished results are stored: run the same command "
                "again to resume"
            )
        take_back_abandoned(self._jobs)

    def _answered(self, started: _Started) -> None:
        try:
            answer = self._ray.get(started.answer)
        except self._ray.exceptions.RayActorError as error:
            self._running.remove(started)
            if started.owner is not None:
                self._idle_deaths = 0
                self._jobs.owner_died(started.owner, f"its Ray worker died: {reason_of(error)}")
            else:
                self._idle_deaths += 1
            if self._idle_deaths > MAX_IDLE_DEATHS:
                raise InputError(
                    f"Ray workers die before they take any work: {reason_of(error)}; see that all "
                    "nodes have nonsingular, and reach the database"
                ) from error
            self._running.append(self._start())
        except self._ray.exceptions.RayTaskError as error:
            cause = error.cause
            if isinstance(cause, InputError):
                raise cause from None
            raise InputError(f"a Ray worker failed: {reason_of(cause or error)}") from error
        else:
            if started.owner is None:
                started.owner = answer
                started.answer = started.actor.work.remote()
            else:  # nothing is left for it
                time.sleep(POLL_SECONDS)
                started.answer = started.actor.work.remote()

    def _start(self) -> _Started:
        actor = self._actor.remote(*self._arguments)
        return _Started(actor, actor.owner.remote())

    def _connect(self) -> None:
        options: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
        if self._address is None:
            options |= {
                "num_cpus": cores(),  # Ray counts those of the host, even in a container
                "object_store_memory": OBJECT_STORE_BYTES,
                "include_dashboard": False,
            }
        else:
            options["address"] = self._address
        try:
            self._ray.init(**options)
        except (ConnectionError, OSError, RuntimeError, ValueError) as error:
            raise InputError(
                f"cannot use the Ray cluster {shown(self._address or 'of this machine')}: "
                f"{reason_of(error)}; start one with ray start --head, and set RAY_AUTH_MODE=token "
                "where its token is needed (docs/scaling.md)"
            ) from error

    def _require_shared(self) -> None:
        """Machines can share a server's database; a file is not safe on a network's disk."""
        machines = {node["NodeManagerAddress"] for node in self._ray.nodes() if node["Alive"]}
        if self._database.startswith("sqlite") and len(machines) > 1:
            raise InputError(
                f"{len(machines)} machines cannot share an SQLite file; give a PostgreSQL server: "
                "--database postgresql+psycopg://user@host/name"
            )

    def _room(self) -> int:
        """How many workers the cluster has room for now."""
        resources = self._ray.cluster_resources()
        room = int(resources.get("CPU", 0)) // self._threads
        if self._gpus:
            room = min(room, int(resources.get("GPU", 0)))
        if room < 1:
            raise InputError(
                f"no node of the Ray cluster has room for a worker ({self._needs}); see it with: "
                "ray status"
            )
        return room

    @property
    def _needs(self) -> str:
        gpu = ", 1 GPU" if self._gpus else ""
        return f"{self._threads} {'CPU' if self._threads == 1 else 'CPUs'}{gpu}"


def _ray() -> Any:
    """Ray, which is an extra of this package.

    Raises:
        InputError: it is not installed.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
        import ray.exceptions
    except ImportError as error:
        raise InputError(
            f"--executor ray needs Ray ({error}); install it: pip install 'nonsingular[ray]'"
        ) from error
    return ray
