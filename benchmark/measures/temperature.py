"""The temperature that calibrates a model, to remove the scale of its logits.

Source: temperature scaling, Guo et al. 2017, "On calibration of modern neural networks". The
targets are smoothed as in Platt 1999, or a model without an error would have the temperature 0.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

WIDEST = 1e3
"""The temperature stays within this factor of the deviation of the logits."""

HALVINGS = 50
"""Bisections of its logarithm; the remaining error is rounding."""


def calibrated_temperature(logits: Tensor, labels: Tensor) -> float:
    """The temperature T that minimises the mean cross-entropy of ``softmax(logits / T)``.

    The target is the label with weight ``1 - 1 / (N + 1)`` and every class alike with the rest: one
    example more, whose class is unknown. The loss is convex in 1 / T, so bisection finds its
    minimum. Multiplying all logits by a number multiplies T by it. A model no better than chance
    has no minimum; it gets the largest temperature tried.

    Args:
        logits: (N, K).
        labels: (N,).

    Returns:
        T, above 0; 1 where all logits of every example are the same.
    """
    z = logits.double() - logits.double().mean(1, keepdim=True)
    deviation = float(z.square().mean().sqrt())
    if not 0 < deviation < math.inf:
        return 1.0
    # After centring, the class that is unknown has the mean logit 0.
    target = (1 - 1 / (len(z) + 1)) * z.gather(1, labels[:, None]).mean()
    low, high = math.log(deviation / WIDEST), math.log(deviation * WIDEST)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        expected = (z * torch.softmax(z / math.exp(middle), 1)).sum(1).mean()
        # The sign of the loss's derivative in 1 / T: positive where the model is overconfident.
        low, high = (middle, high) if expected > target else (low, middle)
    return math.exp((low + high) / 2)


def confidence(logits: Tensor, temperature: float = 1.0) -> float:
    """Mean over examples of the largest probability at a temperature.

    Args:
        logits: (N, K).
        temperature: what they are divided by.
    """
    return float((logits.double() / temperature).softmax(1).amax(1).mean())
