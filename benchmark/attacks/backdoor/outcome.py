"""What a backdoor achieves on inputs that were not used to optimize or select it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from benchmark.attacks.backdoor.selection import answers_with
from benchmark.attacks.verification import require_inside
from benchmark.spaces import Point, WeightBall
from benchmark.subject import Subject
from benchmark.triggers import Trigger
from models_zoo.prediction import NO_CLASS, predicted_classes

MIN_WEIGHT = 1e-8
"""Smallest absolute value of a weight whose relative change is measured; the authors' code divides
by smaller ones too."""

PERCENTILES = (0, 25, 50, 75, 90)
"""Percentiles of the relative change, those of the authors' code."""


@dataclass(frozen=True)
class WeightChange:
    """How far weights moved. ``|v| / |w|`` is taken over weights with ``|w| >= 1e-8``.

    Attributes:
        mean: of ``|v| / |w|``.
        percentiles: of ``|v| / |w|``, by percent.
        l1: norm of ``v`` over all weights.
        l2: norm of ``v`` over all weights.
        linf: norm of ``v`` over all weights.
    """

    mean: float
    percentiles: dict[int, float]
    l1: float
    l2: float
    linf: float

    @classmethod
    def between(cls, origin: Point, weights: Point) -> WeightChange:
        """Measure the displacement from one set of tensors to another of the same names."""
        shares, l1, squares, linf = [], 0.0, 0.0, 0.0
        for name, before in origin.items():
            size, moved = before.abs(), (weights[name] - before).abs()
            l1 += float(moved.sum(dtype=torch.float64))
            squares += float(moved.double().square().sum())
            linf = max(linf, float(moved.amax()))
            counted = size >= MIN_WEIGHT
            shares.append((moved[counted] / size[counted]).cpu().numpy())
        every = np.concatenate(shares) if any(len(part) for part in shares) else np.zeros(1)
        found = np.percentile(every, PERCENTILES)
        return cls(
            mean=float(every.mean(dtype=np.float64)),
            percentiles=dict(zip(PERCENTILES, map(float, found), strict=True)),
            l1=l1,
            l2=squares**0.5,
            linf=linf,
        )


@dataclass(frozen=True)
class BackdoorOutcome:
    """Measurements of a backdoor on the third split (N inputs, M of other classes).

    Attributes:
        weights: perturbed tensors by name.
        success: bool (M,), triggered inputs of other classes that are classified as the target.
        base: bool (M,), those that the unperturbed model already classifies as the target.
        robust: bool (N,), clean inputs still classified correctly.
        clean: bool (N,), clean inputs that the unperturbed model classifies correctly.
        agreement: bool (N,), clean inputs classified as by the unperturbed model.
        moved: how far the weights moved.
    """

    weights: Point
    success: Tensor
    base: Tensor
    robust: Tensor
    clean: Tensor
    agreement: Tensor
    moved: WeightChange

    @property
    def change(self) -> float:
        """Mean of ``|v_j| / |w_j|`` over all weights with ``|w_j| >= 1e-8``."""
        return self.moved.mean

    @property
    def rate(self) -> float:
        """Share of triggered inputs of other classes that are classified as the target."""
        return float(self.success.double().mean())

    @property
    def drop(self) -> float:
        """Decrease of clean accuracy from the unperturbed model, as a share."""
        return float((self.clean.double() - self.robust.double()).mean())


def measure(
    subject: Subject, ball: WeightBall, trigger: Trigger, target: int, weights: Point
) -> BackdoorOutcome:
    """Measure weights inside ``ball``, in float32, on a split that was not used to find them.

    Raises:
        RuntimeError: the weights lie outside the ball.
    """
    require_inside(ball, weights)
    changed, origin = subject.at(weights), ball.origin
    predicted = predicted_classes(changed.logits())
    stamped = trigger.stamp(subject.images[subject.labels != target])
    return BackdoorOutcome(
        weights=weights,
        success=answers_with(changed, stamped, target),
        base=answers_with(subject, stamped, target),
        robust=changed.correct(),
        clean=subject.correct(),
        agreement=(predicted == predicted_classes(subject.logits())) & (predicted != NO_CLASS),
        moved=WeightChange.between(origin, weights),
    )
