"""From models and a run to units: what is stored already, what is left, and in which order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmark.evaluation import require_same_answers, shows_answers
from benchmark.planning import Estimate
from benchmark.planning.cost_model import estimate_on
from benchmark.planning.division import is_divisible, separable
from benchmark.planning.schedule import in_order
from benchmark.planning.step_times import SECONDS
from benchmark.probes import PROBES
from benchmark.provenance import provenance_of
from benchmark.results import ProbeResult, Provenance
from benchmark.session import opened
from leaderboard.jobs.assignment import Assignment
from leaderboard.jobs.run import Run
from leaderboard.jobs.sources import ModelSource
from leaderboard.store import Entry, Store
from leaderboard.store.job import OWN_UNIT, NewJob
from leaderboard.submissions.accuracy_check import keeping_probe
from models_zoo.classifier import Classifier

MEASURING_SECONDS = 0.02
"""How long the passes of a model are timed before it is scored, unless similar models were: enough
to know which units are long."""


@dataclass(frozen=True)
class ModelPlan:
    """What is known and what is left of a model's scores.

    Attributes:
        name: of the model.
        provenance: of its evaluation.
        known: stored results, by probe.
        held: those of them that are stored with an earlier version of the battery only, see
            :mod:`leaderboard.store.carrying`.
        tasks: the probes that are left, as :func:`ordered`.
        expected: what each of them is expected to cost, by probe.
        separable: whether units may be divided into shards, see
            :func:`benchmark.planning.division.separable`; false where that was not tried.
    """

    name: str
    provenance: Provenance
    known: dict[str, ProbeResult]
    tasks: list[Assignment]
    expected: dict[str, Estimate]
    separable: bool = False
    held: dict[str, Entry] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """Estimated time of what is left."""
        return sum(task.cost.seconds for task in self.tasks)


def plan_model(
    model: Classifier,
    run: Run,
    store: Store,
    *,
    source: ModelSource | None,
    submitted: bool,
    precise: bool = False,
    divides: bool = False,
) -> ModelPlan:
    """Find out what is stored of a model, and what is left.

    Args:
        model: the model.
        run: battery, data, probes and seed.
        store: where results are looked up.
        source: what loads the model in another process.
        submitted: whether it came in through ``nonsingular submit``.
        precise: whether to take some seconds to estimate what is left.
        divides: whether to find out if its units may be divided into shards.

    Raises:
        InputError: model, examples and battery do not fit together, or stored results are of
            another model with the same weights.
    """
    images, labels = run.data.images, run.data.labels
    where = provenance_of(model, images, labels, run.battery, run.seed, run.device)
    key = (where.fingerprint, where.battery_sha256, where.data_sha256, where.seed)
    stored = {} if run.fresh else store.results(*key)
    known = {name: stored[name] for name in run.probes if name in stored}
    known = {name: result for name, result in known.items() if result.left_out is None}
    left = [name for name in run.probes if name not in known]
    held: dict[str, Entry] = {}
    if left and not run.fresh:
        held = store.that_hold(where, run.battery)
        held = {name: entry for name, entry in held.items() if name in left}
        known |= {name: entry.results[name] for name, entry in held.items()}
        left = [name for name in left if name not in held]
    expected: dict[str, Estimate] = {}
    examples_apart = False
    if left or shows_answers(known):
        with opened(
            *(model, images, labels, run.battery),
            seed=run.seed,
            device=run.device,
            batch_size=run.batch_size,
            own_data=run.own_data,
        ) as subject:
            require_same_answers(known, subject)
            if left:
                expected = estimate_on(
                    *(subject, run.battery, left),
                    measured=store.costs(model.card, where),
                    seconds=SECONDS if precise else MEASURING_SECONDS,
                    tries=precise,
                )
            if divides and any(map(is_divisible, left)):
                examples_apart = separable(subject)
    origin = run.origin
    tasks = [
        Assignment(
            fingerprint=where.fingerprint,
            battery_sha256=where.battery_sha256,
            data_sha256=where.data_sha256,
            seed=where.seed,
            probe=name,
            name=model.card.name,
            model=source,
            data=run.data_source,
            battery=run.battery_source,
            folder=Path.cwd(),
            device=run.device,
            batch_size=run.batch_size,
            own_data=run.own_data,
            split=str(origin["split"]),
            unknown_data=bool(origin["own_data"]),
            fresh=run.fresh,
            submitted=submitted,
            checks_accuracy=name == keeping_probe(left),
            sandboxed=submitted and source is not None,
            cost=expected[name].cost,
        )
        for name in left
    ]
    where = where.model_copy(update=origin)
    return ModelPlan(model.card.name, where, known, ordered(tasks), expected, examples_apart, held)


def ordered(tasks: Sequence[Assignment]) -> list[Assignment]:
    """The units of a model: first the one that shows mistakes in its description, then longest."""
    return sorted(tasks, key=lambda task: (not task.checks_accuracy, -task.cost.seconds))


def title_of(task: Assignment) -> str:
    """A unit in a few words, for people."""
    part = "" if task.shard is None else f", {task.shard}"
    return f"{task.name}: {PROBES[task.probe].title}{part}"


def jobs_of(plans: Sequence[ModelPlan]) -> list[NewJob]:
    """The units of all models as jobs, the longest first.

    A worker that has loaded a model takes its units before others. To begin with the models that
    have the most work would load models more often (1,198 instead of 345 times in the plan of
    ``docs/scaling.md`` on 8 GPUs) and end later (by 6% on 256). The unit that shows mistakes in a
    model's description comes right before the longest of that model.
    """
    tasks = {task.unit.identity: task for plan in plans for task in plan.tasks}
    checks = {task.fingerprint: task for task in tasks.values() if task.checks_accuracy}
    first: dict[str, Assignment] = {}
    for unit in in_order(task.unit for task in tasks.values()):
        for task in (checks.get(unit.fingerprint), tasks[unit.identity]):
            if task is not None:
                first.setdefault(task.unit.identity, task)
    return [
        NewJob(
            key=identity,
            kind="unit" if task.loadable else OWN_UNIT,
            title=title_of(task),
            payload=task.model_dump(mode="json"),
            model=task.fingerprint,
            priority=place,
            cost=task.cost.seconds,
        )
        for place, (identity, task) in enumerate(first.items())
    ]
