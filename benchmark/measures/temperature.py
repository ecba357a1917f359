"""Temperatures that remove the scale of a model's logits: by calibration, or at a confidence.

Source: temperature scaling, Guo et al. 2017, "On calibration of modern neural networks". The
    targets are smoothed as in Platt 1999; otherwise a model without errors would have the
    temperature 0.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from benchmark.outputs import masked_classes

MAX_TEMPERATURE_FACTOR = 1e3
"""Largest factor between the temperature and the deviation of the logits."""

N_BISECTIONS = 50
"""Number of bisections of the logarithm of the temperature; the remaining error is rounding."""


def calibrated_temperature(logits: Tensor, labels: Tensor) -> float:
    """The temperature T that minimizes the mean cross-entropy of ``softmax(logits / T)``.

    The target has weight ``1 - 1 / (N + 1)`` on the label and distributes the rest over all
    classes, as with one further example of unknown class. The loss is convex in 1 / T, so bisection
    finds its minimum. Multiplying all logits by a number multiplies T by it. A model no better than
    chance has no minimum; it gets the largest temperature of the bisection. Masked classes are left
    out if they are the label of no example.

    Args:
        logits: (N, K).
        labels: (N,).

    Returns:
        T, above 0; 1 if all logits of every example are the same.
    """
    masked = masked_classes(logits)
    if bool(masked.any()) and not bool(masked[labels].any()):
        logits, labels = logits[:, ~masked], (~masked).cumsum(0)[labels] - 1
    z = logits.double() - logits.double().mean(1, keepdim=True)
    deviation = float(z.square().mean().sqrt())
    if not 0 < deviation < math.inf:
        return 1.0
    # After centering, the unknown class has the mean logit 0.
    target = (1 - 1 / (len(z) + 1)) * z.gather(1, labels[:, None]).mean()
    low, high = (
        math.log(deviation / MAX_TEMPERATURE_FACTOR),
        math.log(deviation * MAX_TEMPERATURE_FACTOR),
    )
    for _ in range(N_BISECTIONS):
        middle = (low + high) / 2
        expected = (z * torch.softmax(z / math.exp(middle), 1)).sum(1).mean()
        # The sign of the loss's derivative in 1 / T: positive where the model is overconfident.
        low, high = (middle, high) if expected > target else (low, middle)
    return math.exp((low + high) / 2)


def matching_temperature(logits: Tensor, level: float) -> float | None:
    """The temperature T at which the mean confidence of ``softmax(logits / T)`` is ``level``.

    The largest probability of every example falls as T grows, so bisection finds the only one.
    Multiplying all logits by a number multiplies T by it.

    Args:
        logits: (N, K).
        level: mean over examples of the largest probability.

    Returns:
        T, above 0; ``None`` if there is none: the level is not between 1 / K and the confidence at
        the smallest temperature that is tried, as where all logits of examples are the same, or
        some logits are not finite.
    """
    logits = logits[:, ~masked_classes(logits)]
    z = logits.double() - logits.double().amax(1, keepdim=True)
    deviation = float(z.square().mean().sqrt())
    if not 0 < deviation < math.inf:
        return None
    low, high = (
        math.log(deviation / MAX_TEMPERATURE_FACTOR),
        math.log(deviation * MAX_TEMPERATURE_FACTOR),
    )
    if not confidence(z, math.exp(high)) < level < confidence(z, math.exp(low)):
        return None
    for _ in range(N_BISECTIONS):
        middle = (low + high) / 2
        low, high = (middle, high) if confidence(z, math.exp(middle)) > level else (low, middle)
    return math.exp((low + high) / 2)


def confidence(logits: Tensor, temperature: float = 1.0) -> float:
    """Mean over examples of the largest probability at a temperature.

    Args:
        logits: (N, K).
        temperature: divisor of the logits.
    """
    return float((logits.double() / temperature).softmax(1).amax(1).mean())
