"""Checking a submitted file and planning its units, in a child in the sandbox.

The child reads the file, and the parent believes it little: what it answers is validated, and of a
unit it gives the hashes and the expected cost only. Where the files are, what scores them and under
which name is the parent's. The child imports PyTorch only if nothing is wrong with the file itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

from leaderboard.submissions.description import Description
from leaderboard.submissions.finding import Verdict

TARGET = "leaderboard.jobs.check:check_and_plan"
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
    from leaderboard.jobs.submitted import Sources, model_source
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
