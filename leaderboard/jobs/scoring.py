"""Scoring models: stored results are reused, new results are stored at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmark.arguments import device_of
from benchmark.batteries import Battery
from benchmark.data_fit import require_values
from benchmark.datasets import Dataset
from benchmark.datasets.standard import origin_of
from benchmark.executors import Task, default_jobs, run_local
from benchmark.progress import Step
from benchmark.provenance import provenance_of
from benchmark.report import Report
from benchmark.results import Flag, ProbeResult, Provenance
from leaderboard.jobs.accuracy_check import accuracy_flags, raised_lines, with_flags
from leaderboard.store import Store
from leaderboard.terminal.model_lines import ModelLines
from leaderboard.terminal.output import say
from models_zoo.classifier import Classifier
from models_zoo.display import printable, shown
from models_zoo.errors import InputError


@dataclass(frozen=True)
class Job:
    """What every model of a run is scored with.

    Attributes:
        battery: the battery.
        data: the evaluation examples.
        probes: names of the battery's probes to run.
        seed: root of every random draw.
        device: where to compute.
        fresh: whether to compute stored results again.
        batch_size: images passed through a model at once; by default what memory allows, see
            :func:`benchmark.memory.default_batch_size`.
        own_data: whether the examples may be unlike those of the battery's data set.
    """

    battery: Battery
    data: Dataset
    probes: Sequence[str]
    seed: int = 0
    device: str = "cpu"
    fresh: bool = False
    batch_size: int | None = None
    own_data: bool = False


def require_scorable(models: Sequence[Classifier], job: Job) -> None:
    """Check what can be checked before anything is computed or written.

    Raises:
        InputError: the device cannot be used, or a model does not take the data.
    """
    device_of(job.device)
    for model in models:
        _require_fit(model, job)
    data = job.data
    require_values(job.battery, data.images, data.labels, own_data=job.own_data, allow="--own-data")


def score_models(
    models: Sequence[Classifier],
    job: Job,
    store: Store,
    *,
    submitted: bool = False,
    jobs: int | None = None,
) -> list[Report]:
    """Score models, and store each probe's result as soon as it is computed.

    Args:
        models: the models.
        job: battery, data, probes and seed.
        store: where results are looked up and stored.
        submitted: whether the models came in through ``nonsingular submit``.
        jobs: number of models to score at once; by default one per CPU core.

    Raises:
        InputError: the device cannot be used, or a model does not take the data.
    """
    require_scorable(models, job)
    origin = _origin(job)
    tasks = [_task(model, job, store) for model in models]
    flags = [_flags(model, task, job) for model, task in zip(models, tasks, strict=True)]
    names = [model.card.name for model in models]
    with ModelLines(names, [set(task.probes) <= set(task.known) for task in tasks]) as lines:
        keeper = _Keeper(models, tasks, flags, store, lines, submitted, origin)
        reports = run_local(tasks, keeper, jobs or default_jobs(len(tasks), job.device))
    return [
        Report(
            report.provenance.model_copy(update=origin),
            {name: keeper.flagged(index, result) for name, result in report.results.items()},
        )
        for index, report in enumerate(reports)
    ]


def _origin(job: Job) -> dict[str, object]:
    """The fields of a provenance on the origin of the examples.

    An evaluation does not know the split of a file, and in another process not what was loaded.
    """
    found = origin_of(job.battery.dataset, job.data.images, job.data.labels)
    return {"split": "train" if job.data.split == "train" else "test", "own_data": found is None}


def _task(model: Classifier, job: Job, store: Store) -> Task:
    """The probes that are left to run on a model."""
    images, labels = job.data.images, job.data.labels
    here = provenance_of(model, images, labels, job.battery, job.seed, job.device)
    stored = store.results(here.fingerprint, here.battery_sha256, here.data_sha256, here.seed)
    known = {} if job.fresh else {name: stored[name] for name in job.probes if name in stored}
    known = {name: result for name, result in known.items() if result.left_out is None}
    return Task(
        *(model, images, labels, job.battery, job.probes, job.seed, job.device),
        known=known,
        batch_size=job.batch_size,
        costs=store.costs(model.card, here),
        own_data=job.own_data,
    )


def _flags(model: Classifier, task: Task, job: Job) -> list[Flag]:
    """Checks of the accuracy of a model that is about to be scored; raised flags are printed."""
    if not task.remaining:
        return []
    found = accuracy_flags(
        model,
        model.card,
        job.data.images,
        job.data.labels,
        device=job.device,
        batch_size=job.batch_size,
    )
    for line in raised_lines(found):
        say(printable(f"note: {shown(model.card.name)}: {line}"), err=True)
    return found


class _Keeper:
    """Stores results and shows the progress of a run."""

    def __init__(
        self,
        models: Sequence[Classifier],
        tasks: Sequence[Task],
        flags: Sequence[list[Flag]],
        store: Store,
        lines: ModelLines,
        submitted: bool,
        origin: dict[str, object],
    ) -> None:
        self.models, self.tasks, self.flags, self.store = models, tasks, flags, store
        self.lines, self.submitted, self.origin = lines, submitted, origin

    def progressed(self, index: int, step: Step) -> None:
        self.lines.progressed(index, step)

    def answered(self, index: int, provenance: Provenance, result: ProbeResult) -> None:
        card, battery = self.models[index].card, self.tasks[index].battery
        provenance = provenance.model_copy(update=self.origin)
        result = self.flagged(index, result)
        self.store.save(card, provenance, battery, result, submitted=self.submitted)
        self.lines.answered(index, result)

    def flagged(self, index: int, result: ProbeResult) -> ProbeResult:
        """A new result, with the flags of the checks before scoring if it keeps them."""
        return with_flags(result, self.flags[index], self.tasks[index].remaining)


def _require_fit(model: Classifier, job: Job) -> None:
    data = job.data
    if tuple(model.card.input_shape) != tuple(data.input_shape):
        raise InputError(
            f"model {shown(model.card.name)} takes images of shape "
            f"{tuple(model.card.input_shape)}, "
            f"the data {shown(data.name)} has {tuple(data.input_shape)}"
        )
    # Labels of own images need not reach the last class.
    if not (
        model.card.classes == data.classes or (job.own_data and model.card.classes > data.classes)
    ):
        raise InputError(
            f"model {shown(model.card.name)} has {model.card.classes:,} classes, the data "
            f"{shown(data.name)} has {data.classes:,}, so its predictions cannot be compared with "
            "the labels; choose a model that was trained for them"
        )
