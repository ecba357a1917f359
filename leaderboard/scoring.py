"""Scoring models into a store: what is known is not computed again, what is new is kept at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from benchmark.batteries import Battery
from benchmark.datasets import Dataset
from benchmark.evaluation import evaluate, require_device
from benchmark.probes import PROBES
from benchmark.provenance import provenance_of
from benchmark.report import Report
from benchmark.results import ProbeResult, Provenance
from leaderboard.store import Store
from models_zoo.classifier import Classifier
from models_zoo.errors import InputError


@dataclass(frozen=True)
class Job:
    """What is asked of every model of a run.

    Attributes:
        battery: the battery.
        data: the evaluation examples.
        probes: names of the battery's probes to run.
        seed: root of every random draw.
        device: where to compute.
        fresh: compute again what is stored.
    """

    battery: Battery
    data: Dataset
    probes: Sequence[str]
    seed: int = 0
    device: str = "cpu"
    fresh: bool = False


def score_models(
    models: Sequence[Classifier], job: Job, store: Store, *, submitted: bool = False
) -> list[Report]:
    """Score models one after the other, storing each probe's answer as soon as it is there.

    Args:
        models: the models.
        job: battery, data, probes and seed.
        store: where answers are looked up and kept.
        submitted: whether the models came in through ``nonsingular submit``.

    Raises:
        InputError: the device cannot be used, or a model does not take the data.
    """
    require_device(job.device)
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=16),
        TextColumn("{task.completed:.0f}/{task.total:.0f} probes"),
        TimeElapsedColumn(),
        TextColumn("{task.fields[state]}", style="dim"),
        console=Console(stderr=True),
    ) as bar:
        return [_score(model, job, store, bar, submitted) for model in models]


def _score(model: Classifier, job: Job, store: Store, bar: Progress, submitted: bool) -> Report:
    card, images, labels = model.card, job.data.images, job.data.labels
    _require_fit(model, job.data)
    here = provenance_of(model, images, labels, job.battery, job.seed, job.device)
    stored = store.results(here.fingerprint, here.battery_sha256, here.data_sha256, here.seed)
    known = {} if job.fresh else {name: stored[name] for name in job.probes if name in stored}
    task = bar.add_task(card.name, total=len(job.probes), completed=len(known), state="")

    def keep(provenance: Provenance, result: ProbeResult) -> None:
        store.save(card, provenance, job.battery, result, submitted=submitted)
        bar.update(task, advance=1)
        if not bar.console.is_terminal:
            bar.console.print(
                f"{card.name}: {PROBES[result.probe].title} took {result.cost.seconds:.1f} s",
                highlight=False,
            )

    report = evaluate(
        model,
        images,
        labels,
        job.battery,
        job.probes,
        seed=job.seed,
        device=job.device,
        known=known,
        on_result=keep,
        progress=lambda text: bar.update(task, state=text),
    )
    bar.update(task, state="stored" if known and len(known) == len(job.probes) else "done")
    return report


def _require_fit(model: Classifier, data: Dataset) -> None:
    if tuple(model.card.input_shape) != tuple(data.input_shape):
        raise InputError(
            f"model {model.card.name!r} takes images of shape {tuple(model.card.input_shape)}, "
            f"the data {data.name!r} has {tuple(data.input_shape)}"
        )
