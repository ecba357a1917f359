"""The l2 attack of Carlini & Wagner 2017: Adam in a space where every point is an image.

    minimize over w:  ||x' - x||_2^2 + c f(x'),  x' = (tanh(w) + 1) / 2

Source: Carlini & Wagner 2017, "Towards evaluating the robustness of neural networks", written from
their description.

Hyper-parameters: the step size :attr:`CarliniWagner.step`; the authors take 0.01 with 10,000 steps,
and runs here are a hundred times shorter.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from benchmark.attacks.confident.search import Evaluate, Look

MOMENT_DECAYS = 0.9, 0.999
"""Adam's beta_1 and beta_2, at their usual values."""

INSIDE = 1 - 1e-5
"""Factor that keeps ``2 x - 1`` away from -1 and 1, where the inverse of tanh is infinite."""

MIN_DIVISOR = 1e-8
"""Added to Adam's divisor."""


@dataclass(frozen=True)
class CarliniWagner:
    """The minimizer of squared l2 length.

    Attributes:
        step: step size of Adam.
    """

    step: float = 0.2

    @property
    def name(self) -> str:
        """Name of the attack."""
        return "C&W"

    def length(self, images: Tensor, centers: Tensor) -> Tensor:
        """Squared l2 length (n,)."""
        return (images - centers).square().flatten(1).sum(1)

    def minimize(
        self, centers: Tensor, weights: Tensor, steps: int, evaluate: Evaluate, look: Look
    ) -> None:
        """As :meth:`benchmark.attacks.confident.Minimizer.minimize`."""
        point = torch.atanh((2 * centers - 1) * INSIDE)
        mean, square = torch.zeros_like(point), torch.zeros_like(point)
        beta_1, beta_2 = MOMENT_DECAYS
        c = weights[:, None, None, None]
        for step in range(1, steps + 1):
            squashed = point.tanh()
            images = ((squashed + 1) / 2).clamp(0, 1)
            _, uphill = evaluate(images)
            gradient = (2 * (images - centers) + c * uphill) * (1 - squashed.square()) / 2
            mean.lerp_(gradient, 1 - beta_1)
            square.lerp_(gradient.square(), 1 - beta_2)
            deviation = (square / (1 - beta_2**step)).sqrt() + MIN_DIVISOR
            point = point - self.step * (mean / (1 - beta_1**step)) / deviation
        look(((point.tanh() + 1) / 2).clamp(0, 1))
