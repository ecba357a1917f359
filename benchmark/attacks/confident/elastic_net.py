"""EAD, the elastic-net attack of Chen et al. 2018: FISTA with a shrinkage towards the image.

    minimize over the box:  c f(x') + ||x' - x||_2^2 + beta ||x' - x||_1

A gradient step on the smooth part at the slack point ``y`` is followed by the shrinkage ``S_beta``
about ``x``, coordinate by coordinate: ``z - beta`` (at most 1) where ``z - x > beta``, ``z + beta``
(at least 0) where ``z - x < -beta``, and ``x`` otherwise. Then ``y = x_k + k / (k + 3) (x_k -
x_{k-1})``.

Source: Chen et al. 2018, "EAD: elastic-net attacks to deep neural networks via adversarial
examples", and the constants of its public code: the step falls as ``sqrt(1 - k / K)``. As there,
``beta`` shrinks by itself, not times the step.

Hyper-parameters: ``beta`` and the first step; the authors take 0.01 with 1,000 steps.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from benchmark.attacks.confident.search import Evaluate, Look


@dataclass(frozen=True)
class ElasticNet:
    """The minimizer of the elastic-net length; with ``beta`` 0 that of squared l2 length.

    Attributes:
        beta: weight of the l1 length.
        step: the first step.
    """

    beta: float = 0.01
    step: float = 0.05

    @property
    def name(self) -> str:
        """Name of the attack."""
        return "EAD"

    def length(self, images: Tensor, centers: Tensor) -> Tensor:
        """``||x' - x||_2^2 + beta ||x' - x||_1`` (n,)."""
        moved = (images - centers).flatten(1)
        return moved.square().sum(1) + self.beta * moved.abs().sum(1)

    def minimize(
        self, centers: Tensor, weights: Tensor, steps: int, evaluate: Evaluate, look: Look
    ) -> None:
        """As :meth:`benchmark.attacks.confident.Minimizer.minimize`."""
        point = slack = centers
        c = weights[:, None, None, None]
        for step in range(steps):
            _, uphill = evaluate(slack)
            length = self.step * math.sqrt(1 - step / steps)
            moved = slack - length * (2 * (slack - centers) + c * uphill)
            before, point = point, shrunk(moved, centers, self.beta)
            look(point)
            # The slack point may leave the box, where a model need not be defined.
            slack = (point + (step + 1) / (step + 4) * (point - before)).clamp(0, 1)


def shrunk(moved: Tensor, centers: Tensor, beta: float) -> Tensor:
    """``S_beta``: towards the centers by ``beta`` in every coordinate, and into the box.

    Args:
        moved: (n, C, H, W).
        centers: the clean images, of the same shape.
        beta: at least 0.
    """
    away = moved - centers
    inside = torch.where(away > 0, (moved - beta).clamp_max(1), (moved + beta).clamp_min(0))
    return torch.where(away.abs() <= beta, centers, inside)
