"""Checking a submitted file and planning its units, in a child in the sandbox.

The child reads the file, and the parent believes it little: what it answers is validated, and of a
unit it gives the hashes and the expected cost only. Where the files are, what scores them and under
which name is the parent's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

from benchmark.probes import PROBES
from benchmark.results import Cost
from leaderboard.jobs.assignment import Assignment
from leaderboard.jobs.planning import ordered, title_of
from leaderboard.jobs.sources import DataSource, ModelSource
from leaderboard.store.job import NewJob
from leaderboard.submissions.description import Description
from leaderboard.submissions.finding import Verdict
from models_zoo.image_sets import IMAGE_SETS

TARGET = "leaderboard.jobs.submitted:check_and_plan"
"""What the child calls."""

FILE, DATA, DATA_ROOT, BATTERY = "checkpoint", "data", "data_root", "battery"
"""Names of the child's files."""

SHA256 = r"^[0-9a-f]{64}$"


class Order(BaseModel):
    """What the child is told.

    Attributes:
        description: what the submitter says, without the contact.
        file_name: of the file as the submitter calls it.
        battery: name of the battery; ``None`` if it is one of the child's files.
        examples: score on the first of the images only.
        seed: root of the random draws of scores.
        device: where scores are computed.
        known: fingerprints of the functions of other models by their names.
        known_files: names of other models by the SHA-256 of their files.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    description: Description
    file_name: str
    battery: str | None = None
    examples: int | None = None
    seed: int = 0
    device: str = "cpu"
    known: dict[str, str] = Field(default_factory=dict)
    known_files: dict[str, str] = Field(default_factory=dict)


class UnitPlan(BaseModel):
    """What a probe of a model is expected to cost, and whether the accuracy is checked with it."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    seconds: float = Field(ge=0, le=1e9)
    forwards: int = Field(ge=0, le=2**53)
    backwards: int = Field(ge=0, le=2**53)
    checks_accuracy: bool = False


class Plan(BaseModel):
    """The units of an accepted model, as the child gives them.

    Attributes:
        fingerprint: of the model.
        battery_sha256: hash of the battery.
        data_sha256: hash of the images and labels.
        unknown_data: whether they are not those of the data set.
        units: by probe.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    fingerprint: str = Field(pattern=SHA256)
    battery_sha256: str = Field(pattern=SHA256)
    data_sha256: str = Field(pattern=SHA256)
    unknown_data: bool
    units: dict[str, UnitPlan] = Field(max_length=100)


class Outcome(BaseModel):
    """What the child answers.

    Attributes:
        verdict: of the checks.
        plan: the units; ``None`` if the file is refused.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    verdict: Verdict
    plan: Plan | None = None


SUFFIXES: Final = {
    "safetensors": ".safetensors",
    "archive": ".pt",
    "legacy": ".pt",
    "onnx": ".onnx",
}
"""Suffix of a file by its format, as the checks found it in the content."""


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
            folder=Path.cwd(),
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


def check_and_plan(
    request: Mapping[str, Any], files: Mapping[str, Path], emit: Callable[[dict[str, Any]], None]
) -> dict[str, Any]:
    """Check a file, and plan its units if nothing is found against it.

    Args:
        request: an :class:`Order`.
        files: by name, where the child has the file, the images and the battery.
        emit: is told how far the checks are.

    Returns:
        An :class:`Outcome`.
    """
    from leaderboard.submissions.validation import validate

    order = Order.model_validate(request)
    files = {name: Path(path) for name, path in files.items()}
    verdict = Verdict.model_validate(validate(_for_checks(order), files, emit))
    plan = _planned(order, files, verdict) if verdict.accepted else None
    return Outcome(verdict=verdict, plan=plan).model_dump(mode="json")


def _for_checks(order: Order) -> dict[str, Any]:
    """The request of the checks."""
    return order.model_dump(mode="json", include={"file_name", "known", "known_files"}) | {
        "description": order.description.model_dump(mode="json", exclude_defaults=True)
    }


def _planned(order: Order, files: Mapping[str, Path], verdict: Verdict) -> Plan:
    from benchmark.batteries import load_battery
    from benchmark.planning import estimate
    from benchmark.provenance import provenance_of
    from leaderboard.jobs.planning import MEASURING_SECONDS
    from leaderboard.jobs.run import Run, require_scorable
    from leaderboard.submissions.accuracy_check import keeping_probe
    from models_zoo.checkpoint import FileBytes, read_file

    battery = load_battery(files.get(BATTERY) or str(order.battery))
    where_from = Sources(files.get(DATA), files.get(DATA_ROOT), order.examples)
    data = where_from.data(order.description.dataset).load(battery)
    suffix = SUFFIXES[str(verdict.facts.format)]
    read = read_file(files[FILE], kind="file")
    content = FileBytes(Path(f"submission{suffix}"), read.data, read.sha256)
    model = model_source(order.description, content.path).load(content)
    run = Run(battery, data, battery.select(None), seed=order.seed, device=order.device)
    require_scorable([model], run)
    where = provenance_of(model, data.images, data.labels, battery, order.seed, order.device)
    costs = estimate(
        *(model, data.images, data.labels, battery, run.probes),
        seed=order.seed,
        device=order.device,
        seconds=MEASURING_SECONDS,
        tries=False,
    )
    checking = keeping_probe(list(costs))
    return Plan(
        fingerprint=where.fingerprint,
        battery_sha256=where.battery_sha256,
        data_sha256=where.data_sha256,
        unknown_data=bool(run.origin["own_data"]),
        units={
            name: UnitPlan(
                seconds=each.seconds,
                forwards=each.forwards,
                backwards=each.backwards,
                checks_accuracy=name == checking,
            )
            for name, each in costs.items()
        },
    )
