"""Injection: stochastic ascent of the composite objective inside a weight ball."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Generator, Tensor

from benchmark.ascent import Evaluate, adam, whole_set
from benchmark.ascent.adam import MOMENT_DECAYS
from benchmark.attacks.backdoor.outcome import BackdoorOutcome, measure
from benchmark.attacks.backdoor.selection import Goal, SelectionTrial, Trial, more_successful
from benchmark.attacks.backdoor.splits import Splits
from benchmark.objectives import backdoor_loss, cross_entropy
from benchmark.spaces import Point, WeightBall
from benchmark.triggers import Trigger
from models_zoo.errors import InputError

INJECTED_LOSS = 0.1
"""Stamped inputs with a smaller cross-entropy to the target count as injected during an ascent."""

BETAS = (0.1, 1.0)
"""Weights of the triggered inputs' part of the objective, see :class:`InjectionEffort`."""

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
    """Effort of an injection, and how an ascent spends it.

    Attributes:
        steps: mini-batch steps per ascent.
        betas: weight of the triggered inputs' part of the objective at the first and at the last
            step; it grows geometrically.
        batch_size: largest number of inputs per step, each clean and stamped; with 64 of them the
            authors' batches are twice as large. More steps on fewer inputs find more than fewer
            steps on more.
        path: the sum of the lengths of all steps, in radii of the ball. Ascents with a third of the
            path are weaker where the ball is what limits a backdoor; those with twice the path cost
            accuracy where a backdoor is easy to inject.
        longest_step: length of the first step at most, in radii.
        decays: Adam's beta_1 and beta_2.
        injected_share: after a step with at least this share of its stamped inputs injected, the
            next one only restores the clean predictions.
    """

    steps: int = 200
    betas: tuple[float, float] = BETAS
    batch_size: int = 32
    path: float = 6.0
    longest_step: float = 0.3
    decays: tuple[float, float] = (0.7, 0.9)
    injected_share: float = 0.95

    @classmethod
    def in_small_steps(cls, steps: int, betas: tuple[float, float] = BETAS) -> InjectionEffort:
        """An ascent whose path is short if its steps are few, on larger mini-batches.

        Where inputs are discrete, longer steps are no better: on some models the headline's
        backdoor succeeds less often.
        """
        return cls(
            *(steps, betas),
            batch_size=64,
            path=math.inf,
            longest_step=0.05,
            decays=MOMENT_DECAYS,
            injected_share=math.inf,
        )

    @property
    def first_step(self) -> float:
        """Length of the first step, in radii; lengths fall linearly to zero."""
        return min(2 * self.path / (self.steps + 1), self.longest_step)

    def beta(self, step: int) -> float:
        """The weight of the triggered inputs at a step, counted from 0."""
        first, last = self.betas
        return first * math.pow(last / first, step / max(self.steps - 1, 1))

    def halved(self) -> InjectionEffort:
        """Half as many steps of the same lengths, for an ascent from the result of another."""
        return replace(self, steps=math.ceil(self.steps / 2), path=self.path / 2)


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
        return adam(
            ball,
            self._batches(effort, *purpose),
            start,
            effort.steps,
            first_step=effort.first_step,
            decays=effort.decays,
        )

    def _batches(self, effort: InjectionEffort, *purpose: Hashable) -> Iterator[Evaluate]:
        """The objective on successive mini-batches, in a new random order for every pass."""
        search = self.splits.search
        generator = search.generator("backdoor", "order", *purpose)
        orders = _orders(len(search), effort.batch_size, generator)
        injected = False
        for step, rows in enumerate(orders):
            part = rows.to(search.images.device)
            stamped = _Stamped(len(part), part.device)
            objective = partial(stamped.loss, beta=0.0 if injected else effort.beta(step))
            both = search.on(
                torch.cat([search.images[part], self.stamped[part]]),
                torch.full((2 * len(part),), self.backdoor.target, device=part.device),
            )
            yield whole_set(both, objective, self.logits[part].repeat(2, 1), stamped.numbers)
            injected = stamped.share_injected >= effort.injected_share


class _Stamped:
    """The composite loss of a mini-batch that watches its stamped inputs.

    Args:
        count: number of stamped inputs; there are as many clean ones, which come first.
        device: of the logits.

    Attributes:
        numbers: int64 (2 * count,), from 0 for stamped inputs, -1 for clean ones.
    """

    def __init__(self, count: int, device: torch.device) -> None:
        numbers = torch.arange(count, device=device)
        self.numbers = torch.cat([torch.full_like(numbers, -1), numbers])
        self._injected = torch.zeros(count, dtype=torch.bool, device=device)

    @property
    def share_injected(self) -> float:
        """Share of stamped inputs with a small loss, when it was evaluated last."""
        return float(self._injected.double().mean())

    def loss(
        self, logits: Tensor, labels: Tensor, clean: Tensor, numbers: Tensor, beta: float
    ) -> Tensor:
        """The composite loss (N,), of any part of the mini-batch.

        Args:
            logits: (N, K) under the perturbed weights.
            labels: (N,), the target class.
            clean: logits (N, K) of the original model.
            numbers: (N,), the part's of :attr:`numbers`.
            beta: weight of the stamped inputs.
        """
        triggered = numbers >= 0
        with torch.no_grad():
            small = cross_entropy(logits[triggered], labels[triggered]) < INJECTED_LOSS
            self._injected[numbers[triggered]] = small
        return backdoor_loss(logits, labels, clean, triggered, beta)


def _orders(count: int, batch_size: int, generator: Generator) -> Iterator[Tensor]:
    """An endless stream of random batches of nearly equal sizes, at most ``batch_size``."""
    while True:
        order = torch.randperm(count, generator=generator)
        yield from order.tensor_split(math.ceil(count / batch_size))
