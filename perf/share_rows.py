"""What each probe of a battery takes on a model, and what one on request takes beside it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import torch
from pydantic import BaseModel, ConfigDict
from torch import nn

from benchmark import evaluate
from benchmark.batteries import Battery
from benchmark.datasets import Dataset
from benchmark.memory import default_batch_size
from benchmark.progress import Step
from benchmark.results import ProbeResult, Provenance
from perf.quiet_clock import QuietClock
from perf.records import Circumstances, Measurement, sources_sha256, surroundings


class ShareConditions(Circumstances):
    """Circumstances of a run of a battery.

    Attributes:
        battery: the battery's name.
        battery_sha256: SHA-256 of its content.
        batch_size: images passed through the model at once.
    """

    battery: str
    battery_sha256: str
    batch_size: int

    @property
    def case(self) -> tuple[str | float, ...]:
        """The device, model and battery."""
        return self.device, self.model, self.battery


class ProbeTime(BaseModel):
    """The time of one probe.

    Attributes:
        probe: its name.
        on_request: whether it runs only if it is asked for.
        seconds: of the processor.
        forwards: images passed forward.
        backwards: images passed backward.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    probe: str
    on_request: bool
    seconds: float
    forwards: int
    backwards: int


class ShareRow(Measurement):
    """One battery on one model.

    Attributes:
        conditions: what it depends on.
        slowdown: how much slower the reference computation was than at its fastest, on average.
        probes: in the order in which they ran.
        generation: processor seconds to generate the corrupted versions of one image, where these
            alone were measured and all else is extrapolated.
    """

    conditions: ShareConditions
    slowdown: float
    probes: tuple[ProbeTime, ...]
    generation: float | None = None

    @property
    def seconds(self) -> float:
        """What all default probes take together."""
        return sum(probe.seconds for probe in self.probes if not probe.on_request)

    def time_of(self, probe: str) -> ProbeTime | None:
        """The time of a probe, if it ran."""
        return next((each for each in self.probes if each.probe == probe), None)


@dataclass(frozen=True)
class ShareCase:
    """A model, its examples and its battery.

    Attributes:
        model: its name.
        battery: the battery.
        load: reads the model.
        examples: reads the examples, all that are used.
        without: probes on request that are not measured.
    """

    model: str
    battery: Battery
    load: Callable[[], nn.Module]
    examples: Callable[[], Dataset]
    without: Sequence[str] = ()

    @property
    def probes(self) -> list[str]:
        """The default probes, then those on request."""
        found = dict.fromkeys((*self.battery.default, *self.battery.probes))
        return [name for name in found if name not in self.without]


def measure_shares(case: ShareCase, progress: Callable[[str], None] | None = None) -> ShareRow:
    """Run all probes of a battery in one evaluation, on the processor.

    Work that probes share counts towards the first that needs it. Time is that of the processor,
    corrected for other programs (:mod:`perf.quiet_clock`).

    Args:
        case: the model and its battery.
        progress: called with a short text after each piece of work.
    """
    sources = sources_sha256(without=())
    clock = QuietClock()
    model, data, battery = case.load(), case.examples(), case.battery
    times: list[ProbeTime] = []
    provenances: list[Provenance] = []
    last = clock()

    def answered(provenance: Provenance, result: ProbeResult) -> None:
        nonlocal last
        now = clock()
        if not result.left_out:
            times.append(
                ProbeTime(
                    probe=result.probe,
                    on_request=result.probe not in battery.default,
                    seconds=round(now - last, 3),
                    forwards=result.cost.forwards,
                    backwards=result.cost.backwards,
                )
            )
        provenances.append(provenance)
        last = now

    def watched(_: Step) -> None:
        clock()  # which then times its reference computation

    evaluate(
        *(model, data.images, data.labels, battery, case.probes),
        on_result=answered,
        on_step=watched,
        progress=progress,
    )
    return ShareRow(
        conditions=ShareConditions(
            model=case.model,
            fingerprint=provenances[0].fingerprint,
            examples=len(data),
            data_sha256=provenances[0].data_sha256,
            battery=battery.name,
            battery_sha256=battery.sha256,
            batch_size=min(default_batch_size(torch.as_tensor(data.images)), len(data)),
            sources=sources,
            **surroundings("cpu"),
        ),
        parameters=sum(each.numel() for each in model.parameters()),
        measured=datetime.now(UTC).isoformat(timespec="seconds"),
        slowdown=round(clock.slowdown, 3),
        probes=tuple(times),
    )
