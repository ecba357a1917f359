"""Scoring models: stored results are reused, new results are stored at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import torch

from benchmark.report import Report
from leaderboard.jobs.division import in_shards, open_counts
from leaderboard.jobs.executors import Executor, default_workers
from leaderboard.jobs.executors.executor import threads_per_worker
from leaderboard.jobs.executors.here import Here
from leaderboard.jobs.executors.processes import Processes
from leaderboard.jobs.executors.ray_cluster import RayCluster
from leaderboard.jobs.materials import Materials
from leaderboard.jobs.planning import ModelPlan, jobs_of, plan_model
from leaderboard.jobs.run import Run, require_scorable
from leaderboard.jobs.sources import ModelSource
from leaderboard.jobs.watching import Watch, describe
from leaderboard.jobs.worker import Worker, take_back_abandoned
from leaderboard.store import Store
from leaderboard.store.job import JobStatus
from leaderboard.store.jobs import Jobs
from leaderboard.terminal.model_lines import ModelLines
from leaderboard.terminal.output import say
from models_zoo.classifier import Classifier
from models_zoo.errors import InputError

_MAX_LISTED = 3
"""How many failures a message lists."""


class UnitsFailedError(InputError):
    """Some units of a run failed; all others were scored and stored.

    Attributes:
        reports: one per model, with what was scored.
    """

    def __init__(self, message: str, reports: list[Report]) -> None:
        super().__init__(message)
        self.reports = reports


@dataclass(frozen=True)
class Where:
    """Where the units of a run are run.

    Attributes:
        executor: ``"local"`` for processes of this machine, ``"ray"`` for a Ray cluster.
        workers: number of workers; by default one per model and CPU core, or as many as the
            cluster has room for. One local worker is this process.
        threads: CPU threads per worker; by default a fair share, and 1 on a cluster.
        address: of the Ray cluster; ``None`` to start Ray on this machine.
        shards: into how many shards of examples the units that can be divided are divided; by
            default as many as make the run shorter.
    """

    executor: Literal["local", "ray"] = "local"
    workers: int | None = None
    threads: int | None = None
    address: str | None = None
    shards: int | None = None


def score_models(
    models: Sequence[Classifier],
    run: Run,
    store: Store,
    *,
    submitted: bool = False,
    sources: Sequence[ModelSource] | None = None,
    where: Where | None = None,
    not_needed: Callable[[], None] | None = None,
) -> list[Report]:
    """Score models, and store each probe's result as soon as it is computed.

    A unit that fails does not stop the others.

    Args:
        models: the models.
        run: battery, data, probes and seed.
        store: where results are looked up and stored.
        submitted: whether the models came in through ``nonsingular submit``.
        sources: what loads each model in another process; without them this process works alone.
        where: where the units are run.
        not_needed: called once ``models`` are not used any more, since other processes load them;
            such as ``models.clear``, so that they do not stay in memory until the end.

    Raises:
        InputError: the device cannot be used, a model does not take the data, or no probe applies
            to a model.
        UnitsFailedError: some units failed.
    """
    where = where or Where()
    if where.executor == "ray" or (where.workers or 1) > 1:
        require_shared(store)
    workers = _workers(where, models, run, store, sources)
    plans = plan_models(
        *(models, run, store),
        submitted=submitted,
        sources=sources,
        divides=may_divide(workers, where.shards),
    )
    jobs = Jobs(store.engine)
    take_back_abandoned(jobs)
    plans, numbers = _added(plans, run, store, workers, where.shards)
    with ModelLines([p.name for p in plans], [not p.tasks for p in plans]) as lines:
        watch = Watch(plans, numbers, store, jobs, lines)
        if numbers:
            if where.executor == "local" and workers == 1:
                materials = Materials(models, run.data, run.battery)
                worker = Worker(store, materials, list(numbers.values()), watch)
                executor: Executor = Here(worker, where.threads)
            else:
                if not_needed is not None:
                    not_needed()
                executor = _apart(where, workers, run, store, list(numbers.values()), sources)
            with remaining_said(watch), executor:
                while not watch.all_ended():
                    executor.advance()
    jobs.forget(list(numbers.values()))
    return _reports(plans, watch, run)


def require_shared(store: Store) -> None:
    """Check that other processes can use a database.

    Raises:
        InputError: it is in the memory of this process.
    """
    if store.in_memory:
        raise InputError(
            "a database in memory cannot be shared with workers; name a file with --database, or "
            "run with --workers 1"
        )


@contextmanager
def remaining_said(watch: Watch) -> Iterator[None]:
    """Say how much is left if the run is interrupted."""
    try:
        yield
    except KeyboardInterrupt:
        say(watch.remaining, err=True)
        raise


def add_jobs(
    models: Sequence[Classifier],
    run: Run,
    store: Store,
    sources: Sequence[ModelSource],
    *,
    shards: int | None = None,
) -> int:
    """Add what is left of some models as jobs, for workers that others start.

    The arguments are those of :func:`score_models`, and ``shards`` of :class:`Where`.

    Returns:
        How many jobs wait or run.

    Raises:
        InputError: as :func:`score_models`.
    """
    require_shared(store)
    divides = may_divide(None, shards)
    plans = plan_models(models, run, store, sources=sources, divides=divides)
    return len(_added(plans, run, store, None, shards)[1])


def may_divide(workers: int | None, shards: int | None) -> bool:
    """Whether units of a run may be divided.

    Args:
        workers: how many work on it; ``None`` if that is not known.
        shards: the number that a user asked for.
    """
    return workers != 1 if shards is None else shards > 1


def _added(
    plans: Sequence[ModelPlan], run: Run, store: Store, workers: int | None, shards: int | None
) -> tuple[list[ModelPlan], dict[str, int]]:
    """Add what is left as jobs; returns the plans with their shards and the jobs' numbers."""
    jobs = Jobs(store.engine)
    _carry(plans, run, store)
    if run.fresh:
        waiting = open_counts(jobs.open_keys())
        tasks = [task.unit for plan in plans for task in plan.tasks]
        store.forget_shards([unit.key for unit in tasks if unit.whole not in waiting])
    divided = in_shards(plans, store, workers=workers, wanted=shards)
    return divided, jobs.add(jobs_of(divided))


def _carry(plans: Sequence[ModelPlan], run: Run, store: Store) -> None:
    """Store results of earlier versions of the battery for this one, where they hold for it."""
    held = [plan.held for plan in plans if plan.held]
    for each in held:
        store.carry(each, run.battery)
    if held:
        say(
            f"{sum(map(len, held))} results of earlier versions of {run.battery.name} hold for "
            "this one, whose probes are the same; they are not computed again",
            err=True,
        )


def plan_models(
    models: Sequence[Classifier],
    run: Run,
    store: Store,
    *,
    submitted: bool = False,
    sources: Sequence[ModelSource] | None = None,
    precise: bool = False,
    divides: bool = False,
) -> list[ModelPlan]:
    """Find out what is stored of some models, and what is left; nothing is computed or written.

    The arguments are those of :func:`score_models`, ``precise`` and ``divides`` of
    :func:`plan_model`.

    Raises:
        InputError: as :func:`score_models`.
    """
    require_scorable(models, run)
    return [
        plan_model(
            *(model, run, store),
            source=sources[index] if sources else None,
            submitted=submitted,
            precise=precise,
            divides=divides,
        )
        for index, model in enumerate(models)
    ]


def _workers(
    where: Where,
    models: Sequence[Classifier],
    run: Run,
    store: Store,
    sources: Sequence[ModelSource] | None,
) -> int | None:
    """How many workers there will be; ``None`` for as many as a cluster has room for."""
    if where.executor != "local":
        return where.workers
    if sources is None or store.in_memory:
        return 1  # this process
    return where.workers or default_workers(len(models), run.device)


def _apart(
    where: Where,
    workers: int | None,
    run: Run,
    store: Store,
    numbers: list[int],
    sources: Sequence[ModelSource] | None,
) -> Executor:
    """Workers in other processes, which load the models themselves."""
    database = store.engine.url.render_as_string(hide_password=False)
    trust = any(source.trust for source in sources or ())
    jobs = Jobs(store.engine)
    if where.executor == "local" and workers is not None:
        # Not by what is left to do: a resumed run has to compute the same bits.
        threads = where.threads or threads_per_worker(workers)
        workers = min(workers, len(numbers))
        return Processes(database, jobs, numbers, workers, threads=threads, trust=trust)
    return RayCluster(
        where.address,
        database,
        jobs,
        numbers,
        workers=workers,
        threads=where.threads or 1,
        gpus=torch.device(run.device).type == "cuda",
        trust=trust,
    )


def _reports(plans: Sequence[ModelPlan], watch: Watch, run: Run) -> list[Report]:
    reports = [
        Report(plan.provenance, {name: found[name] for name in run.probes if name in found})
        for plan, found in zip(plans, watch.results, strict=True)
    ]
    if watch.unsuccessful:
        raise UnitsFailedError(_message(watch.failed_units, plans), reports)
    for report in reports:
        _require_some(report)
    return reports


def _message(failed: Sequence[JobStatus], plans: Sequence[ModelPlan]) -> str:
    of = sum(len({task.unit.whole for task in plan.tasks}) for plan in plans)
    listed = "; ".join(map(describe, failed[:_MAX_LISTED]))
    more = f"; and {len(failed) - _MAX_LISTED} more" if len(failed) > _MAX_LISTED else ""
    return (
        f"{listed}{more}; {of - len(failed)} of {of} units are stored: nonsingular jobs shows "
        "why, and the same command tries the others again"
    )


def _require_some(report: Report) -> None:
    """Raise an error if all requested probes were left out."""
    reasons = {name: result.left_out for name, result in report.results.items()}
    if reasons and all(reasons.values()):
        said = "; ".join(f"{name}: {reason}" for name, reason in reasons.items())
        raise InputError(f"no probe applies to this model and these examples: {said}")
