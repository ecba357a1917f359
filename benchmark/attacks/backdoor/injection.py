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
from benchmark.attacks.backdoor.selection import Goal, Judge, Trial, louder
from benchmark.attacks.backdoor.splits import Splits
from benchmark.attacks.backdoor.triggers import Trigger
from benchmark.objectives import backdoor_loss
from benchmark.spaces import Point, WeightBall
from models_zoo.errors import InputError

BATCH = 64
"""Images a step, each clean and stamped: 128 pass through the model, a batch of the authors'."""

CHECKS = 10
"""How often a climb is tried out on the selection split, evenly, its last point included."""


@dataclass(frozen=True)
class Backdoor:
    """What is to be planted.

    Attributes:
        trigger: what is stamped on images.
        target: the class they shall then be given.
        seed: of the order in which images are taken.
    """

    trigger: Trigger
    target: int = 0
    seed: int = 0


@dataclass(frozen=True)
class Effort:
    """How hard an injection tries.

    Attributes:
        steps: mini-batch steps a climb.
        betas: weight of the triggered images' part of the objective at the first and at the last
            step; it grows geometrically.
    """

    steps: int = 200
    betas: tuple[float, float] = (0.1, 1.0)

    def beta(self, step: int) -> float:
        """The weight of the triggered images at a step, counted from 0."""
        first, last = self.betas
        return first * math.pow(last / first, step / max(self.steps - 1, 1))

    def halved(self) -> Effort:
        """Half as many steps, for a climb that starts from what another has found."""
        return replace(self, steps=math.ceil(self.steps / 2))


class Injection:
    """One backdoor on three splits, at any budget.

    Args:
        splits: what is optimised on, selected on and measured on.
        backdoor: trigger, target and seed.
        effort: how hard to try.
        goal: what counts as working.

    Attributes:
        loudest: the most successful of all weights that the last climb tried out, at any cost.

    Raises:
        InputError: the target is not one of the model's classes, or the trigger does not fit.
    """

    def __init__(
        self,
        splits: Splits,
        backdoor: Backdoor,
        effort: Effort | None = None,
        goal: Goal | None = None,
    ) -> None:
        self.splits, self.backdoor = splits, backdoor
        self.effort, self.goal = effort or Effort(), goal or Goal()
        self.logits = splits.search.logits()
        classes = self.logits.shape[1]
        if not 0 <= backdoor.target < classes:
            raise InputError(f"backdoor target {backdoor.target} is not one of {classes} classes")
        self.stamped = backdoor.trigger.stamp(splits.search.images)
        self.judge = Judge(splits.selection, backdoor.trigger, backdoor.target)
        self.untouched = self.loudest = self.judge({})

    def at(self, ball: WeightBall, known: Trial | None = None) -> Trial:
        """The best weights found in a ball, by the selection split.

        Never worse there than the untouched weights, nor than what is known from another ball and
        brought into this one.

        Args:
            ball: how far the weights may go.
            known: what was found in another ball, to start from, with half as many steps.
        """
        best = self.loudest = replace(self.untouched, weights=ball.origin)
        if ball.radius == 0:
            return best
        start = ball.origin
        if known is not None:
            start = ball.project(known.weights)
            best = self._tried(best, start)
        if best.perfect:
            return best
        effort = self.effort if known is None else self.effort.halved()
        every = math.ceil(effort.steps / CHECKS)
        for step, point in enumerate(self._climb(ball, start, effort), 1):
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
        """The better of two by the selection split; remembers the louder one."""
        trial = self.judge(point)
        self.loudest = louder(trial, self.loudest)
        return self.goal.better(best, trial)

    def works(self, trial: Trial) -> bool:
        """Whether the selection split shows a backdoor as successful and quiet as the goal asks."""
        return self.goal.reached(trial.success, trial.drop)

    def measure(self, ball: WeightBall, trial: Trial) -> BackdoorOutcome:
        """Measure weights found in ``ball`` on the third split."""
        trigger, target = self.backdoor.trigger, self.backdoor.target
        return measure(self.splits.measured, ball, trigger, target, trial.weights)

    def _climb(self, ball: WeightBall, start: Point, effort: Effort) -> Iterator[Point]:
        purpose = (self.backdoor.target, self.backdoor.seed, f"{ball.radius:g}")
        return adam(ball, self._batches(effort, *purpose), start, effort.steps)

    def _batches(self, effort: Effort, *purpose: Hashable) -> Iterator[Evaluate]:
        """The objective on one mini-batch after the other, in ever new random orders."""
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
    """Random batches of nearly equal sizes of at most :data:`BATCH`, pass after pass, for ever."""
    while True:
        order = torch.randperm(count, generator=generator)
        yield from order.tensor_split(math.ceil(count / BATCH))
