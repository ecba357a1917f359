"""The cost of each probe of a battery, and of AutoAttack for comparison."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import torch
from pydantic import BaseModel, ConfigDict
from torch import nn

from benchmark import evaluate
from benchmark.attacks.reference import run_autoattack
from benchmark.batteries import Battery
from benchmark.datasets import Dataset
from benchmark.memory import peak_memory
from benchmark.results import Cost, ProbeResult, Provenance
from benchmark.subject import Progress, subject_of
from perf.records import Circumstances, Measurement, sources_sha256, surroundings

Kind = Literal["time", "memory"]


class BatteryConditions(Circumstances):
    """Circumstances of a run of a battery.

    Attributes:
        kind: whether its time was measured, at full effort, or its memory, at the least effort.
        battery: the battery's name.
        battery_sha256: SHA-256 of its content, as it was run.
        batch_size: images passed through the model at once.
    """

    kind: Kind
    battery: str
    battery_sha256: str
    batch_size: int

    @property
    def case(self) -> tuple[str | float, ...]:
        """The kind of measurement, device, model and battery."""
        return self.kind, self.device, self.model, self.battery


class ProbeCost(Cost):
    """The cost of one probe.

    Attributes:
        probe: its name.
    """

    probe: str


class Yardstick(BaseModel):
    """AutoAttack's standard version alone, on the same examples in the same process.

    Attributes:
        eps: radius of the linf balls, input units.
        robust_accuracy: share of examples that stay robust.
        seconds: its wall time.
        forwards: images it passed forward.
        backwards: images it passed backward.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    eps: float
    robust_accuracy: float
    seconds: float
    forwards: int
    backwards: int


class BatteryRow(Measurement):
    """One run of a battery.

    Attributes:
        conditions: what it depends on.
        memory_before: peak memory of the process right before the first probe, bytes.
        copies_left_out: copies of the weights that the battery's full lists of budgets keep, and
            this run did not.
        own_peaks: whether each probe's peak memory is its own, or the highest so far; some kernels
            cannot reset the peak of a process.
        probes: costs in the order the probes ran in.
        autoattack: AutoAttack's runs for comparison, if any.
    """

    conditions: BatteryConditions
    memory_before: int
    copies_left_out: int = 0
    own_peaks: bool
    probes: tuple[ProbeCost, ...]
    autoattack: tuple[Yardstick, ...] = ()

    @property
    def seconds(self) -> float:
        """The sum over all probes."""
        return sum(probe.seconds for probe in self.probes)

    @property
    def peak_memory(self) -> int:
        """The peak of the whole run, bytes."""
        return max((self.memory_before, *(probe.peak_memory for probe in self.probes)))


def measure_battery(
    name: str,
    model: nn.Module,
    data: Dataset,
    battery: Battery,
    *,
    kind: Kind = "time",
    budgets: Sequence[float] = (),
    device: str = "cpu",
    batch_size: int = 256,
    progress: Progress | None = None,
) -> BatteryRow:
    """Run a battery's default probes as one evaluation, then AutoAttack at some budgets.

    The battery runs first, so that one-time work of the process counts towards its cost.

    Args:
        name: of the model.
        model: from images in [0, 1] to logits.
        data: the examples.
        battery: the battery.
        kind: what the row is about.
        budgets: linf radii that AutoAttack is run at, input units.
        device: where to compute.
        batch_size: images passed through the model at once, by both.
        progress: called with a short text after each piece of work.
    """
    costs: list[ProbeCost] = []
    provenances: list[Provenance] = []

    def answered(provenance: Provenance, result: ProbeResult) -> None:
        costs.append(ProbeCost(probe=result.probe, **result.cost.model_dump()))
        provenances.append(provenance)
        reset_peak(device)

    own_peaks = reset_peak(device)
    before = peak_memory(torch.device(device))
    evaluate(
        model,
        data.images,
        data.labels,
        battery,
        device=device,
        batch_size=batch_size,
        own_data=True,  # random images, where memory is measured
        on_result=answered,
        progress=progress,
    )
    return BatteryRow(
        conditions=BatteryConditions(
            model=name,
            fingerprint=provenances[0].fingerprint,
            examples=len(data),
            data_sha256=provenances[0].data_sha256,
            kind=kind,
            battery=battery.name,
            battery_sha256=battery.sha256,
            batch_size=batch_size,
            sources=sources_sha256(without=()),
            **surroundings(device),
        ),
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        measured=datetime.now(UTC).isoformat(timespec="seconds"),
        memory_before=before,
        own_peaks=own_peaks,
        probes=tuple(costs),
        autoattack=tuple(
            _yardstick(model, data, eps, device, batch_size, progress) for eps in budgets
        ),
    )


def _yardstick(
    model: nn.Module,
    data: Dataset,
    eps: float,
    device: str,
    batch_size: int,
    progress: Progress | None,
) -> Yardstick:
    with subject_of(
        model, data.images, data.labels, device=device, batch_size=batch_size, progress=progress
    ) as subject:
        found = run_autoattack(subject, "linf", eps)
        return Yardstick(
            eps=eps,
            robust_accuracy=float(found.robust.double().mean()),
            seconds=found.cost.seconds,
            forwards=found.cost.forwards,
            backwards=found.cost.backwards,
        )


def reset_peak(device: str) -> bool:
    """Reset :func:`benchmark.memory.peak_memory`.

    Returns:
        Whether the peak could be reset: Linux resets it at the process's own request.
    """
    if torch.device(device).type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        return True
    try:
        Path("/proc/self/clear_refs").write_text("5", "ascii")
    except OSError:
        return False
    return True
