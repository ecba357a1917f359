"""What a battery was predicted to take on a model, and what it took."""

from __future__ import annotations

from datetime import UTC, datetime

from pydantic import BaseModel, ConfigDict

from benchmark import evaluate
from benchmark.batteries import load_battery
from benchmark.planning import estimate
from benchmark.progress import Step
from benchmark.results import ProbeResult, Provenance
from perf.cases import WholeModel
from perf.quiet_clock import QuietClock
from perf.records import Circumstances, Measurement, sources_sha256, surroundings


class CostConditions(Circumstances):
    """Circumstances of a run of a battery.

    Attributes:
        battery: its name.
    """

    battery: str


class ProbeRow(BaseModel):
    """One probe.

    Attributes:
        probe: its name.
        predicted: seconds that it was predicted to take.
        seconds: seconds that it took.
        expected: images that it was expected to pass forward or backward.
        passes: images that it passed.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    probe: str
    predicted: float
    seconds: float
    expected: int
    passes: int


class CostRow(Measurement):
    """One model.

    Attributes:
        conditions: what it depends on.
        planning: seconds that the prediction took.
        slowdown: how much slower the reference computation was than at its fastest, on average.
        probes: in the order in which they ran.
    """

    conditions: CostConditions
    planning: float
    slowdown: float
    probes: tuple[ProbeRow, ...]

    @property
    def predicted(self) -> float:
        """Predicted seconds of the battery."""
        return sum(probe.predicted for probe in self.probes)

    @property
    def seconds(self) -> float:
        """Measured seconds of the battery."""
        return sum(probe.seconds for probe in self.probes)

    @property
    def error(self) -> float:
        """Relative error of the prediction."""
        return self.predicted / self.seconds - 1


def measure_costs(case: WholeModel, examples: int) -> CostRow:
    """Predict what the battery takes on a model, then run it.

    Args:
        case: the model.
        examples: number of its examples, the first ones.
    """
    clock = QuietClock()
    model, data, battery = case.load(), case.examples(), load_battery(case.battery)
    data = data.head(min(examples, len(data)))
    start = clock()
    expected = estimate(model, data.images, data.labels, battery, clock=clock)
    planning = clock() - start
    rows: list[ProbeRow] = []
    provenances: list[Provenance] = []
    last = clock()

    def answered(provenance: Provenance, result: ProbeResult) -> None:
        nonlocal last
        now, each = clock(), expected[result.probe]
        rows.append(
            ProbeRow(
                probe=result.probe,
                predicted=each.seconds,
                seconds=now - last,
                expected=each.forwards + each.backwards,
                passes=result.cost.forwards + result.cost.backwards,
            )
        )
        provenances.append(provenance)
        last = now

    def watched(_: Step) -> None:
        clock()

    # Every step reads the clock, which then times its reference computation.
    evaluate(
        *(model, data.images, data.labels, battery),
        on_result=answered,
        on_step=watched,
    )
    return CostRow(
        conditions=CostConditions(
            model=case.model,
            fingerprint=provenances[0].fingerprint,
            examples=len(data),
            data_sha256=provenances[0].data_sha256,
            battery=battery.name,
            sources=sources_sha256(without=()),
            **surroundings("cpu"),
        ),
        parameters=sum(each.numel() for each in model.parameters()),
        measured=datetime.now(UTC).isoformat(timespec="seconds"),
        planning=planning,
        slowdown=clock.slowdown,
        probes=tuple(rows),
    )
