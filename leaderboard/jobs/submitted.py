"""The jobs that score a submitted model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from benchmark.probes import PROBES
from benchmark.results import Cost
from leaderboard.jobs.assignment import Assignment
from leaderboard.jobs.check import Plan
from leaderboard.jobs.planning import ordered, title_of
from leaderboard.jobs.sources import DataSource, ModelSource
from leaderboard.store.job import NewJob
from leaderboard.submissions.description import Description
from models_zoo.image_sets import IMAGE_SETS


@dataclass(frozen=True)
class Sources:
    """Where the images of a data set are.

    Attributes:
        file: an ``.npz``; ``None`` for the data set's own test split.
        root: folder of downloaded data sets.
        examples: use the first ones only; ``None`` for the battery's number.
    """

    file: Path | None = None
    root: Path | None = None
    examples: int | None = None

    def data(self, dataset: str) -> DataSource:
        """What loads them."""
        return DataSource(dataset=dataset, file=self.file, data_root=self.root, count=self.examples)


def model_source(description: Description, file: Path) -> ModelSource:
    """What loads a submitted model.

    Args:
        description: what the submitter says.
        file: the checkpoint.
    """
    images = IMAGE_SETS[description.dataset]
    return ModelSource(
        name=description.name,
        dataset=description.dataset,
        file=file,
        architecture=description.architecture,
        classes=images.classes,
        input_shape=images.input_shape,
        mean=None if description.mean is None else list(description.mean),
        std=None if description.std is None else list(description.std),
        weights=description.weights,
        description=description.model_copy(update={"contact": ""}),
    )


def units_of(
    plan: Plan,
    description: Description,
    file: Path,
    data: DataSource,
    battery: str,
    *,
    folder: Path,
    seed: int,
    device: str,
    priority: int,
    private: bool = False,
) -> list[NewJob]:
    """The jobs that score an accepted model.

    Args:
        plan: from the child, validated.
        description: what the submitter says.
        file: the kept checkpoint.
        data: what loads the images.
        battery: name or file of the battery.
        folder: an absolute one that workers have; all files above are absolute.
        seed: root of the random draws.
        device: where scores are computed.
        priority: of all of them.
        private: whether no image may be stored with the results.
    """
    source = model_source(description, file)
    tasks = [
        Assignment(
            fingerprint=plan.fingerprint,
            battery_sha256=plan.battery_sha256,
            data_sha256=plan.data_sha256,
            seed=seed,
            probe=probe,
            name=description.name,
            model=source,
            data=data,
            battery=battery,
            folder=folder,
            device=device,
            unknown_data=plan.unknown_data,
            submitted=True,
            sandboxed=True,
            private=private,
            checks_accuracy=each.checks_accuracy,
            cost=Cost(seconds=each.seconds, forwards=each.forwards, backwards=each.backwards),
        )
        for probe, each in plan.units.items()
        if probe in PROBES
    ]
    return [
        NewJob(
            key=task.unit.identity,
            title=title_of(task),
            payload=task.model_dump(mode="json"),
            model=task.fingerprint,
            priority=priority,
            cost=task.cost.seconds,
        )
        for task in ordered(tasks)
    ]
