"""Outcomes and curves over the weight radii of one geometry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from benchmark.attacks.weights import WorstWeights, measured, weight_ball
from benchmark.objectives import cross_entropy
from benchmark.probes.budget_curves import outcome_curve, score_curve
from benchmark.probes.probe import as_outcomes
from benchmark.results import Curve, Outcome, Score
from benchmark.statistics import LOSS_BOUNDS, SHARE_BOUNDS, mean, mean_loss, proportion
from benchmark.subject import Subject
from benchmark.threats import WeightThreat
from models_zoo.prediction import predicted_classes


@dataclass(frozen=True)
class RandomDirections:
    """The control at one radius: means over random directions, with intervals over draws."""

    accuracy: Score
    loss: Score


@dataclass(frozen=True)
class WeightOutcomes:
    """The outcomes at ascending radii.

    Attributes:
        threats: ascending, without the radius 0.
        classes: number of classes.
        clean: bool (N,), correct with the model's own weights.
        clean_losses: cross-entropy (N,) with them.
        robust: bool (N,) per radius, correct under the perturbation of lowest accuracy.
        losses: cross-entropy (N,) per radius, under that of highest mean cross-entropy.
        random: the control, one per radius.
    """

    threats: Sequence[WeightThreat]
    classes: int
    clean: Tensor
    clean_losses: Tensor
    robust: Sequence[Tensor]
    losses: Sequence[Tensor]
    random: Sequence[RandomDirections]

    @classmethod
    def of(
        cls,
        subject: Subject,
        threats: Sequence[WeightThreat],
        worst: Sequence[WorstWeights],
        draws: int,
    ) -> Self:
        """Compute the control and combine it with the results of the attack.

        Args:
            subject: model and examples.
            threats: ascending, without the radius 0.
            worst: the result of the attack, one per radius.
            draws: number of random directions per radius.
        """
        return cls(
            threats,
            subject.logits().shape[1],
            subject.correct(),
            cross_entropy(subject.logits(), subject.labels),
            [each.lowest.robust for each in worst],
            [each.losses for each in worst],
            [random_directions(subject, threat, draws) for threat in threats],
        )

    @property
    def geometry(self) -> str:
        """The geometry of the balls."""
        return self.threats[0].geometry

    def curves(self) -> list[Curve]:
        """Accuracy and mean cross-entropy over radii, worst found and random."""
        label, last = f"{self.geometry} radius", self.threats[-1]
        radii = [0.0, *(threat.radius for threat in self.threats)]
        robust = [self.clean, *self.robust]
        losses = [self._loss(each) for each in (self.clean_losses, *self.losses)]
        accuracy = [proportion(as_outcomes(self.clean)), *(each.accuracy for each in self.random)]
        control = [losses[0], *(each.loss for each in self.random)]
        random, worst, nats = "random directions (mean)", "worst found", "cross-entropy (nats)"
        return [
            outcome_curve(
                "weight_accuracy", worst, label, radii, robust, role="budget", threat=last
            ),
            score_curve(
                "weight_accuracy",
                random,
                label,
                radii,
                accuracy,
                "accuracy",
                "share",
                role="control",
                threat=last,
            ),
            score_curve(
                "weight_loss", worst, label, radii, losses, nats, "nats", role="budget", threat=last
            ),
            score_curve(
                "weight_loss",
                random,
                label,
                radii,
                control,
                nats,
                "nats",
                role="control",
                threat=last,
            ),
        ]

    def outcomes(self) -> dict[str, Outcome]:
        """Which examples are robust, by radius."""
        return {
            f"{threat.radius:.6g}": Outcome(as_outcomes(robust), "budget", threat)
            for threat, robust in zip(self.threats, self.robust, strict=True)
        }

    def worst_loss(self, place: int) -> Score:
        """Largest mean cross-entropy found at one of the radii, with its interval over examples."""
        return self._loss(self.losses[place])

    def _loss(self, losses: Tensor) -> Score:
        return mean_loss(losses.double().cpu().numpy(), self.classes)


def random_directions(subject: Subject, threat: WeightThreat, draws: int) -> RandomDirections:
    """Accuracy and mean cross-entropy over random directions at full radius.

    Args:
        subject: model and examples.
        threat: the ball, whose radius is the length of the directions.
        draws: number of directions.
    """
    ball = weight_ball(subject, threat)
    generator = subject.generator("weight", "random", threat.geometry, threat.radius)
    accuracies, losses = [], []
    for _ in range(draws):
        _, logits = measured(subject, ball, ball.sphere(generator))
        accuracies.append((predicted_classes(logits) == subject.labels).double().mean())
        losses.append(cross_entropy(logits, subject.labels).double().mean())
    return RandomDirections(
        mean(torch.stack(accuracies).cpu().numpy(), SHARE_BOUNDS),
        mean(torch.stack(losses).cpu().numpy(), LOSS_BOUNDS),
    )
