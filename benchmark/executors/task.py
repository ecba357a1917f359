"""One model to evaluate, and how it is evaluated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from torch import Tensor, nn

from benchmark.batteries import Battery
from benchmark.evaluation import evaluate
from benchmark.progress import Step
from benchmark.report import Report
from benchmark.results import Cost, ProbeResult, Provenance


@dataclass(frozen=True)
class Task:
    """One model to evaluate; the fields are the arguments of :func:`benchmark.evaluate`."""

    model: nn.Module
    images: Tensor
    labels: Tensor
    battery: Battery
    probes: Sequence[str]
    seed: int = 0
    device: str = "cpu"
    known: Mapping[str, ProbeResult] = field(default_factory=dict)
    batch_size: int | None = None
    costs: Mapping[str, Cost] = field(default_factory=dict)
    own_data: bool = False

    @property
    def remaining(self) -> list[str]:
        """The probes without a known result."""
        return [name for name in self.probes if name not in self.known]


Item = tuple[int, Task]
"""A task with its index."""


class Listener(Protocol):
    """Receives the events of a run in the calling process; ``index`` is the task's."""

    def progressed(self, index: int, step: Step) -> None:
        """A part of the work is done; comes before :meth:`answered` at the end of a probe."""

    def answered(self, index: int, provenance: Provenance, result: ProbeResult) -> None:
        """A probe has finished."""


def run_task(task: Task, index: int, listener: Listener) -> Report:
    """Evaluate a task and report its events to a listener under an index."""
    return evaluate(
        task.model,
        task.images,
        task.labels,
        task.battery,
        task.probes,
        seed=task.seed,
        device=task.device,
        batch_size=task.batch_size,
        own_data=task.own_data,
        known=task.known,
        on_result=lambda provenance, result: listener.answered(index, provenance, result),
        on_step=lambda step: listener.progressed(index, step),
        costs=task.costs,
    )
