"""How much of an evaluation is done, and how long the rest takes.

The work of a probe is counted in images and calls of the model, and weighted with the time that
they are expected to take, so that a share of the work is about a share of the time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self

from benchmark.probes import Probe
from benchmark.results import Cost
from benchmark.subject import Passes, Subject
from benchmark.work import Work

INTERVAL_SECONDS = 0.2
"""Time between two reports of the same probe: an eye sees no more, and a pass may take less than a
millisecond."""

OVERRUN = 0.02
"""Least that a probe is expected to need still, relative to what it has done, so that an evaluation
is done only at its end; with 0.1 the share would fall near the end of probes that do as
expected."""

MIN_SHARE = 0.02
"""Share of the work after which the time left is estimated. The first passes are slow."""


@dataclass(frozen=True)
class Step:
    """Where an evaluation is.

    Attributes:
        probe: name of the probe that runs.
        share: expected share of the whole evaluation's time that is done, known results included;
            1 at the end.
    """

    probe: str
    share: float


class TimeLeft:
    """An estimate of the time that an evaluation still takes.

    What is left of the work takes as long, per share, as what was done since the first report.

    Args:
        clock: the time, in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._start: tuple[float, float] | None = None
        self._elapsed = 0.0
        self._share = 0.0

    def update(self, share: float) -> None:
        """Record the share of the work that is done now."""
        now = self._clock()
        if self._start is None:
            self._start = now, share
        self._elapsed, self._share = now - self._start[0], share

    @property
    def started(self) -> bool:
        """Whether there was an update."""
        return self._start is not None

    @property
    def elapsed(self) -> float:
        """Seconds since the first update."""
        return 0.0 if self._start is None else self._clock() - self._start[0]

    @property
    def seconds(self) -> float | None:
        """Seconds left; ``None`` as long as too little is done to say."""
        if self._start is None:
            return None
        done, left = self._share - self._start[1], 1 - self._share
        if left <= 0:
            return 0.0
        if done < MIN_SHARE * (done + left):
            return None
        since = self.elapsed - self._elapsed
        return max(self._elapsed * left / done - since, 0.0)


@dataclass(frozen=True)
class Plan:
    """What a probe is expected to take.

    Attributes:
        work: the passes.
        pass_cost: see :class:`benchmark.probes.Probe`.
        seconds: its time, if that is known from similar models.
    """

    work: Work
    pass_cost: float = 1.0
    seconds: float | None = None


def plans_of(
    subject: Subject, probes: Mapping[str, Probe[Any]], measured: Mapping[str, Cost]
) -> dict[str, Plan]:
    """What probes are expected to take.

    Args:
        subject: model and examples.
        probes: by name.
        measured: what some of them cost on similar models.
    """
    plans = {}
    for name, probe in probes.items():
        work, cost = probe.expected_work(subject), measured.get(name)
        if cost is None or cost.seconds <= 0:
            plans[name] = Plan(work, probe.pass_cost)
        else:
            images = cost.forwards + cost.backwards
            plans[name] = Plan(work.of(images), probe.pass_cost, cost.seconds)
    return plans


class Meter:
    """Reports the share of an evaluation's work that is done.

    A probe that passes fewer or more images than expected changes what is expected in total; its
    work is what it really passed.

    Args:
        passes: of the subject.
        plans: of all probes of the evaluation.
        known: cost of the probes whose results are known.
        listener: called with every report.
        clock: the time, in seconds.
    """

    def __init__(
        self,
        passes: Passes,
        plans: Mapping[str, Plan],
        known: Mapping[str, Cost],
        listener: Callable[[Step], None] | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._passes, self._plans, self._listener = passes, plans, listener
        self._clock, self._reported = clock, -INTERVAL_SECONDS
        self._probe, self._start = "", passes.work
        self._ended = {
            name: plans[name].work.of(cost.forwards + cost.backwards)
            for name, cost in known.items()
        }

    def __enter__(self) -> Self:
        """Count the passes."""
        if self._listener is not None:
            self._passes.counted = self._counted
        return self

    def __exit__(self, *_: object) -> None:
        """Count them no longer."""
        self._passes.counted = lambda: None

    def begin(self, probe: str) -> None:
        """A probe begins."""
        self._probe, self._start = probe, self._passes.work
        self._report()

    def end(self) -> None:
        """The probe has ended."""
        if self._probe in self._plans:
            self._ended[self._probe] = self._passes.work.since(self._start)
        self._report()

    @property
    def share(self) -> float:
        """Share of the work that is done."""
        per_call = self._passes.times.images_per_call
        units = {
            name: plan.pass_cost * plan.work.size(per_call) for name, plan in self._plans.items()
        }
        measured = {
            name: plan.seconds for name, plan in self._plans.items() if plan.seconds is not None
        }
        unit = sum(measured.values()) / sum(units[name] for name in measured) if measured else 1.0
        done = waiting = 0.0
        for name, plan in self._plans.items():
            expected = measured.get(name, unit * units[name])
            per_image = expected / max(plan.work.size(per_call), 1.0)
            if name in self._ended:
                done += per_image * self._ended[name].size(per_call)
            elif name == self._probe:
                now = per_image * self._passes.work.since(self._start).size(per_call)
                done += now
                waiting += max(expected - now, OVERRUN * now)
            else:
                waiting += expected
        return done / (done + waiting) if waiting > 0 else 1.0

    def _counted(self) -> None:
        if self._clock() - self._reported >= INTERVAL_SECONDS:
            self._report()

    def _report(self) -> None:
        self._reported = self._clock()
        if self._listener is not None:
            self._listener(Step(self._probe, self.share))
