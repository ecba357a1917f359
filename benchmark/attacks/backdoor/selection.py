"""Selects among the weights of an injection, by inputs that were not used in its optimization."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from benchmark.spaces import Point
from benchmark.subject import Subject
from benchmark.triggers import Trigger
from models_zoo.prediction import predicted_classes

SUCCESS_PER_ACCURACY = 10.0
"""Points of success that offset one point of accuracy beyond the allowed drop."""

SHARE_ROUNDING = 1e-9
"""Rounding error of shares: a share within it of a limit counts as equal to the limit."""


@dataclass(frozen=True)
class Trial:
    """Weights, and what they achieve on the selection split.

    Attributes:
        weights: perturbed tensors by name.
        success: share of triggered inputs of other classes that are classified as the target class.
        drop: decrease of clean accuracy from the unperturbed model, as a share.
    """

    weights: Point
    success: float
    drop: float

    @property
    def perfect(self) -> bool:
        """Whether no weights can do better on the selection split."""
        return self.success == 1 and self.drop <= 0


@dataclass(frozen=True)
class Goal:
    """What counts as a working backdoor.

    Attributes:
        success: share of triggered inputs of other classes that are classified as the target class.
        drop: largest drop of clean accuracy that counts as unnoticed, as a share.
    """

    success: float = 0.9
    drop: float = 0.01

    def __str__(self) -> str:
        """The conditions in words."""
        return f"{self.success:.0%} success for at most {self.drop:.1%} of accuracy"

    def reached(self, success: float, drop: float) -> bool:
        """Whether a backdoor meets both conditions."""
        return success >= self.success - SHARE_ROUNDING and drop <= self.drop + SHARE_ROUNDING

    def rank(self, trial: Trial) -> tuple[bool, float, float]:
        """Sort key: working backdoors first, then by success and the accuracy they cost.

        That is success less :data:`SUCCESS_PER_ACCURACY` times the excess of the drop.
        """
        merit = trial.success - SUCCESS_PER_ACCURACY * max(trial.drop - self.drop, 0.0)
        return self.reached(trial.success, trial.drop), merit, -trial.drop

    def better(self, one: Trial, other: Trial) -> Trial:
        """The trial of higher rank; ``other`` if both are equal."""
        return one if self.rank(one) > self.rank(other) else other


def more_successful(one: Trial, other: Trial) -> Trial:
    """The more successful of two trials; if both are equal, the one with the smaller drop."""
    return max(other, one, key=lambda trial: (trial.success, -trial.drop))


class SelectionTrial:
    """Evaluates weights on the selection split.

    Args:
        subject: the selection split.
        trigger: the trigger.
        target: the class that stamped inputs are to be classified as.
    """

    def __init__(self, subject: Subject, trigger: Trigger, target: int) -> None:
        self.subject, self.target = subject, target
        self.stamped = trigger.stamp(subject.images[subject.labels != target])

    def __call__(self, weights: Point) -> Trial:
        """Success and drop; the success is 0 if no image is of another class."""
        changed = self.subject.at(weights)
        lost = int(self.subject.correct().sum()) - int(changed.correct().sum())
        hits = answers_with(changed, self.stamped, self.target)
        success = float(hits.double().mean()) if len(hits) else 0.0
        return Trial(weights, success, lost / len(self.subject))


def answers_with(subject: Subject, inputs: Tensor, target: int) -> Tensor:
    """Bool (N,): which inputs the model classifies as the target class."""
    return predicted_classes(subject.logits(inputs)) == target
