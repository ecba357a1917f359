"""Injection: stochastic ascent of the composite objective inside a weight ball."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Generator, Tensor

from benchmark.ascent import Evaluate, adam, whole_set
from benchmark.attacks.backdoor.outcome import BackdoorOutcome, measure
from benchmark.attacks.backdoor.selection import Goal, SelectionTrial, Trial, more_successful
from benchmark.attacks.backdoor.splits import Splits
from benchmark.objectives import backdoor_loss
from benchmark.spaces import Point, WeightBall
from benchmark.triggers import Trigger
from models_zoo.errors import InputError

BATCH_SIZE = 64
"""Images per step, each clean and stamped: 128 pass through the model, the authors' batch size."""

N_TRIALS = 10
"""Number of points of an ascent that are evaluated on the selection split, evenly spaced, including
the last one."""


@dataclass(frozen=True)
class Backdoor:
    """A backdoor to inject.

    Attributes:
        trigger: what is stamped on inputs.
        target: the class that stamped inputs are to be classified as.
        seed: of the order of the inputs.
    """

    trigger: Trigger
    target: int = 0
    seed: int = 0


@dataclass(frozen=True)
class InjectionEffort:
    """Effort of an injection.

    Attributes:
        steps: mini-batch steps per ascent.
        betas: weight of the triggered inputs' part of the objective at the first and at the last
            step; it grows geometrically.
    """

    steps: int = 200
    betas: tuple[float, float] = (0.1, 1.0)

    def beta(self, step: int) -> float:
        """The weight of the triggered inputs at a step, counted from 0."""
        first, last = self.betas
        return first * math.pow(last / first, step / max(self.steps - 1, 1))

    def halved(self) -> InjectionEffort:
        """Half as many steps, for an ascent that starts from the result of another."""
        return replace(self, steps=math.ceil(self.steps / 2))


class Injection:
    """Injects one backdoor at any budget, with three splits of the examples.

    Args:
        splits: parts to optimize on, to select on and to measure on.
        backdoor: trigger, target and seed.
        effort: steps and weights of the objective.
        goal: what counts as working.

    Attributes:
        most_successful: the most successful weights that the last ascent evaluated, at any cost of
            clean accuracy.

    Raises:
        InputError: the target is not one of the model's classes, or the trigger does not fit.
    """

    def __init__(
        self,
        splits: Splits,
        backdoor: Backdoor,
        effort: InjectionEffort | None = None,
        goal: Goal | None = None,
    ) -> None:
        self.splits, self.backdoor = splits, backdoor
        self.effort, self.goal = effort or InjectionEffort(), goal or Goal()
        self.logits = splits.search.logits()
        classes = self.logits.shape[1]
        if not 0 <= backdoor.target < classes:
            raise InputError(f"backdoor target {backdoor.target} is not one of {classes} classes")
        self.stamped = backdoor.trigger.stamp(splits.search.images)
        self.trial = SelectionTrial(splits.selection, backdoor.trigger, backdoor.target)
        self.untouched = self.most_successful = self.trial({})

    def at(self, ball: WeightBall, known: Trial | None = None) -> Trial:
        """The best weights found in a ball, by the selection split.

        Never worse there than the unperturbed weights, nor than the result for another ball,
        projected into this one.

        Args:
            ball: the weight ball.
            known: the result for another ball, from which the ascent starts, with half as many
                steps.
        """
        best = self.most_successful = replace(self.untouched, weights=ball.origin)
        if ball.radius == 0:
            return best
        start = ball.origin
        if known is not None:
            start = ball.project(known.weights)
            best = self._tried(best, start)
        if best.perfect:
            return best
        effort = self.effort if known is None else self.effort.halved()
        every = math.ceil(effort.steps / N_TRIALS)
        for step, point in enumerate(self._ascend(ball, start, effort), 1):
            if step % every and step < effort.steps:
                continue
            best = self._tried(best, point)
            self.splits.search.progress(
                f"backdoor {ball.radius:g}: {best.success:.1%} for {best.drop:.1%} accuracy"
            )
            if best.perfect:
                break
        return best

    def _tried(self, best: Trial, point: Point) -> Trial:
        """The better of two trials by the selection split; records the more successful one."""
        trial = self.trial(point)
        self.most_successful = more_successful(trial, self.most_successful)
        return self.goal.better(best, trial)

    def works(self, trial: Trial) -> bool:
        """Whether the selection split shows a backdoor that meets the goal."""
        return self.goal.reached(trial.success, trial.drop)

    def measure(self, ball: WeightBall, trial: Trial) -> BackdoorOutcome:
        """Measure weights found in ``ball`` on the third split."""
        trigger, target = self.backdoor.trigger, self.backdoor.target
        return measure(self.splits.measured, ball, trigger, target, trial.weights)

    def _ascend(self, ball: WeightBall, start: Point, effort: InjectionEffort) -> Iterator[Point]:
        purpose = (self.backdoor.target, self.backdoor.seed, f"{ball.radius:g}")
        return adam(ball, self._batches(effort, *purpose), start, effort.steps)

    def _batches(self, effort: InjectionEffort, *purpose: Hashable) -> Iterator[Evaluate]:
        """The objective on successive mini-batches, in a new random order for every pass."""
        search = self.splits.search
        orders = _orders(len(search), search.generator("backdoor", "order", *purpose))
        for step, rows in enumerate(orders):
            objective = partial(backdoor_loss, beta=effort.beta(step))
            part = rows.to(search.images.device)
            both = search.on(
                torch.cat([search.images[part], self.stamped[part]]),
                torch.full((2 * len(part),), self.backdoor.target, device=part.device),
            )
            triggered = torch.arange(len(both), device=part.device) >= len(part)
            yield whole_set(both, objective, self.logits[part].repeat(2, 1), triggered)


def _orders(count: int, generator: Generator) -> Iterator[Tensor]:
    """An endless stream of random batches of nearly equal sizes, at most :data:`BATCH_SIZE`."""
    while True:
        order = torch.randperm(count, generator=generator)
        yield from order.tensor_split(math.ceil(count / BATCH_SIZE))
