"""One geometry's ladder of weight radii: the worst found, random directions, and their curves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from benchmark.attacks.weights import WeightBudget, WeightRung, measured
from benchmark.objectives import cross_entropy
from benchmark.probes.ladders import outcome_curve, score_curve
from benchmark.probes.probe import bits
from benchmark.results import Curve, Outcomes, Score
from benchmark.statistics import SHARES, mean, proportion
from benchmark.subject import Subject
from models_zoo.prediction import predicted_classes


@dataclass(frozen=True)
class RandomRung:
    """The control at one radius: means over random directions, with intervals over draws."""

    accuracy: Score
    loss: Score


@dataclass(frozen=True)
class WeightLadder:
    """What was found over one ladder.

    Attributes:
        geometry: of the balls.
        radii: ascending, without the 0.
        clean: bool (N,), correct with the model's own weights.
        clean_losses: cross-entropy (N,) with them.
        robust: bool (N,) a radius, correct under the perturbation of lowest accuracy.
        losses: cross-entropy (N,) a radius, under that of highest mean cross-entropy.
        random: the control, one a radius.
    """

    geometry: str
    radii: Sequence[float]
    clean: Tensor
    clean_losses: Tensor
    robust: Sequence[Tensor]
    losses: Sequence[Tensor]
    random: Sequence[RandomRung]

    @classmethod
    def of(
        cls,
        subject: Subject,
        budget: WeightBudget,
        radii: Sequence[float],
        rungs: Sequence[WeightRung],
        draws: int,
    ) -> Self:
        """Add the control and the clean figures to what an attack found.

        Args:
            subject: model and examples.
            budget: geometry and rule.
            radii: ascending, without the 0.
            rungs: the worst found, one a radius.
            draws: random directions a radius.
        """
        return cls(
            budget.geometry,
            radii,
            subject.correct(),
            cross_entropy(subject.logits(), subject.labels),
            [rung.lowest.robust for rung in rungs],
            [rung.losses for rung in rungs],
            [random_rung(subject, budget, radius, draws) for radius in radii],
        )

    def curves(self) -> list[Curve]:
        """Accuracy and mean cross-entropy over radii, worst found and random."""
        label, budgets = f"{self.geometry} radius", [0.0, *self.radii]
        robust = [self.clean, *self.robust]
        losses = [_mean(each) for each in (self.clean_losses, *self.losses)]
        accuracy = [proportion(bits(self.clean)), *(each.accuracy for each in self.random)]
        control = [losses[0], *(each.loss for each in self.random)]
        random, worst, nats = "random directions (mean)", "worst found", "cross-entropy (nats)"
        return [
            outcome_curve("weight_accuracy", worst, label, budgets, robust),
            score_curve("weight_accuracy", random, label, budgets, accuracy, "accuracy"),
            score_curve("weight_loss", worst, label, budgets, losses, nats),
            score_curve("weight_loss", random, label, budgets, control, nats),
        ]

    def outcomes(self) -> dict[str, Outcomes]:
        """What stands, by radius."""
        return {
            f"{radius:.6g}": bits(robust)
            for radius, robust in zip(self.radii, self.robust, strict=True)
        }

    def worst_loss(self, rung: int) -> Score:
        """Largest mean cross-entropy found at a rung, with its interval over examples."""
        return _mean(self.losses[rung])


def random_rung(subject: Subject, budget: WeightBudget, radius: float, draws: int) -> RandomRung:
    """Accuracy and mean cross-entropy over random directions at full radius.

    Args:
        subject: model and examples.
        budget: geometry and rule.
        radius: length of the directions.
        draws: number of directions.
    """
    ball = budget.ball(subject, radius)
    generator = subject.generator("weight", "random", budget.geometry, radius)
    accuracies, losses = [], []
    for _ in range(draws):
        _, logits = measured(subject, ball, ball.sphere(generator))
        accuracies.append((predicted_classes(logits) == subject.labels).double().mean())
        losses.append(cross_entropy(logits, subject.labels).double().mean())
    return RandomRung(_mean(torch.stack(accuracies), SHARES), _mean(torch.stack(losses)))


def _mean(values: Tensor, within: tuple[float, float] | None = None) -> Score:
    return mean(values.double().cpu().numpy(), within)
