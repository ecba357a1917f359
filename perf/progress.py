"""Measure how precise the remaining time is that ``nonsingular bench`` shows.

Run ``python -m perf.progress`` from the root of a checkout: every model that matches is scored as
by ``bench`` with its battery, and the time left that was estimated after a tenth, a quarter and
half of the time is compared with what was left. Time is that of the processor, on one thread, so
that other programs do not count. With ``--repeat`` each model is scored a second time with the
costs of the first, as in a database that holds results of the same architecture.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

import torch
import typer

from benchmark.batteries import load_battery
from benchmark.planning.cost_model import estimate_on
from benchmark.progress import Step, TimeLeft
from benchmark.results import Cost
from benchmark.session import session_of
from leaderboard.jobs.planning import MEASURING_SECONDS
from leaderboard.submissions.accuracy_check import keeping_probe
from models_zoo.errors import InputError
from perf.cases import WholeModel, whole_models
from perf.command import Shared, console, matches, run_command, shared_folder

POINTS = (0.1, 0.25, 0.5, 0.75)
"""Shares of the true time at which estimates are compared."""


@dataclass(frozen=True)
class Moment:
    """An estimate during a run.

    Attributes:
        elapsed: seconds since the beginning.
        share: expected share of the work that is done.
        left: estimated seconds left; ``None`` as long as there is no estimate.
    """

    elapsed: float
    share: float
    left: float | None


@dataclass(frozen=True)
class Run:
    """The estimates of one run.

    Attributes:
        seconds: what it took.
        moments: in order.
        costs: by probe.
    """

    seconds: float
    moments: Sequence[Moment]
    costs: Mapping[str, Cost]

    def error(self, point: float) -> float:
        """Relative error of the estimate after a share of the time; NaN if there was none."""
        at = next(each for each in self.moments if each.elapsed >= point * self.seconds)
        left = self.seconds - at.elapsed
        return float("nan") if at.left is None or left <= 0 else at.left / left - 1


def measure(case: WholeModel, examples: int, costs: Mapping[str, Cost] | None = None) -> Run:
    """Score a model and record the estimates.

    Units, their order and their expected times are those of ``nonsingular bench`` with one worker.

    Args:
        case: the model with its examples and battery.
        examples: use only the first so many examples.
        costs: what probes cost on similar models, by name.
    """
    data, battery = case.examples(), load_battery(case.battery)
    data = data.head(min(examples, len(data)))
    names = battery.select(None)
    timer = TimeLeft(time.process_time)
    moments: list[Moment] = []
    spent: dict[str, Cost] = {}
    images, labels = map(torch.as_tensor, (data.images, data.labels))
    with session_of(case.load(), images, labels, battery) as session:
        expected = estimate_on(
            *(session.subject, battery, names),
            measured=costs,
            seconds=MEASURING_SECONDS,
            tries=False,
            clock=time.process_time,
        )
        first, whole = keeping_probe(names), sum(each.seconds for each in expected.values())

        def record(step: Step) -> None:
            done = sum(expected[name].seconds for name in spent)
            now = 0.0 if step.probe in spent else step.share * expected[step.probe].seconds
            share = 1.0 if len(spent) == len(names) else min((done + now) / whole, 0.999)
            timer.update(share)
            moments.append(Moment(timer.elapsed, share, timer.seconds))

        for name in sorted(names, key=lambda name: (name != first, -expected[name].seconds)):
            result = session.run(name, on_step=record, cost=expected[name].cost)
            spent[name] = result.cost
            record(Step(name, 1.0))
    return Run(moments[-1].elapsed, moments, {name: spent[name] for name in names})


def run(
    shared: Shared = None,
    only: Annotated[
        list[str] | None, typer.Option(help="Only models that match, such as 'digits/*'.")
    ] = None,
    examples: Annotated[int, typer.Option(min=1, help="Use the first N examples.")] = 60,
    repeat: Annotated[
        bool, typer.Option("--repeat", help="Also with the costs of the first run.")
    ] = False,
) -> None:
    """Compare estimates of the remaining time with the time that remained."""
    torch.set_num_threads(1)
    cases = [case for case in whole_models(shared_folder(shared)) if matches(case.model, only)]
    if not cases:
        raise InputError(f"no model matches {', '.join(only or [])}; see nonsingular models")
    for case in cases:
        first = measure(case, examples)
        _print(case.model, first)
        if repeat:
            _print(f"{case.model}, costs known", measure(case, examples, first.costs))


def _print(name: str, found: Run) -> None:
    errors = ", ".join(f"{found.error(point):+.0%} after {point:.0%}" for point in POINTS)
    console.print(f"{name}: {found.seconds:.1f} s, error of the time left {errors}")


def main() -> None:
    """Run the command line."""
    run_command(run)


if __name__ == "__main__":
    main()
