"""Scoring models: stored results are reused, new results are stored at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from benchmark.arguments import device_of
from benchmark.batteries import Battery
from benchmark.datasets import Dataset
from benchmark.executors import Task, default_jobs, run_local
from benchmark.progress import Step
from benchmark.provenance import provenance_of
from benchmark.report import Report
from benchmark.results import ProbeResult, Provenance
from leaderboard.store import Store
from leaderboard.terminal.model_lines import ModelLines
from models_zoo.classifier import Classifier
from models_zoo.display import shown
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
    """

    battery: Battery
    data: Dataset
    probes: Sequence[str]
    seed: int = 0
    device: str = "cpu"
    fresh: bool = False
    batch_size: int | None = None


def require_scorable(models: Sequence[Classifier], job: Job) -> None:
    """Check what can be checked before anything is computed or written.

    Raises:
        InputError: the device cannot be used, or a model does not take the data.
    """
    device_of(job.device)
    for model in models:
        _require_fit(model, job.data)


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
    tasks = [_task(model, job, store) for model in models]
    names = [model.card.name for model in models]
    with ModelLines(names, [set(task.probes) <= set(task.known) for task in tasks]) as lines:
        keeper = _Keeper(models, tasks, store, lines, submitted, job.data)
        reports = run_local(tasks, keeper, jobs or default_jobs(len(tasks), job.device))
    return [replace(r, provenance=_marked(r.provenance, job.data)) for r in reports]


def _marked(provenance: Provenance, data: Dataset) -> Provenance:
    """The provenance with its split, which an evaluation does not know."""
    return provenance.model_copy(update={"split": "train"}) if data.split == "train" else provenance


def _task(model: Classifier, job: Job, store: Store) -> Task:
    """The probes that are left to run on a model."""
    images, labels = job.data.images, job.data.labels
    here = provenance_of(model, images, labels, job.battery, job.seed, job.device)
    stored = store.results(here.fingerprint, here.battery_sha256, here.data_sha256, here.seed)
    known = {} if job.fresh else {name: stored[name] for name in job.probes if name in stored}
    known = {name: result for name, result in known.items() if result.left_out is None}
    return Task(
        model,
        images,
        labels,
        job.battery,
        job.probes,
        job.seed,
        job.device,
        known,
        job.batch_size,
        store.costs(model.card, here),
    )


class _Keeper:
    """Stores results and shows the progress of a run."""

    def __init__(
        self,
        models: Sequence[Classifier],
        tasks: Sequence[Task],
        store: Store,
        lines: ModelLines,
        submitted: bool,
        data: Dataset,
    ) -> None:
        self.models, self.tasks, self.store = models, tasks, store
        self.lines, self.submitted, self.data = lines, submitted, data

    def progressed(self, index: int, step: Step) -> None:
        self.lines.progressed(index, step)

    def answered(self, index: int, provenance: Provenance, result: ProbeResult) -> None:
        card, battery = self.models[index].card, self.tasks[index].battery
        provenance = _marked(provenance, self.data)
        self.store.save(card, provenance, battery, result, submitted=self.submitted)
        self.lines.answered(index, result)


def _require_fit(model: Classifier, data: Dataset) -> None:
    if tuple(model.card.input_shape) != tuple(data.input_shape):
        raise InputError(
            f"model {shown(model.card.name)} takes images of shape "
            f"{tuple(model.card.input_shape)}, "
            f"the data {shown(data.name)} has {tuple(data.input_shape)}"
        )
    if model.card.classes != data.classes:
        raise InputError(
            f"model {shown(model.card.name)} has {model.card.classes:,} classes, the data "
            f"{shown(data.name)} has {data.classes:,}, so its predictions cannot be compared with "
            "the labels; choose a model that was trained for them"
        )
