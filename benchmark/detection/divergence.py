"""Detectors that compare predictions: divergence at a temperature, and maximum softmax.

``JSD(P, Q) = KL(P || M) / 2 + KL(Q || M) / 2`` with ``M = (P + Q) / 2``, in nats, at most ln 2. The
predictions are ``softmax(z / T)``: the temperature divides the logits. Computed from logarithms, it
does not underflow where a prediction is confident.

Source: Meng & Chen 2017 (MagNet) and its public code; maximum softmax is the baseline of Hendrycks
& Gimpel 2017.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor


def jensen_shannon(first: Tensor, second: Tensor, temperature: float = 1.0) -> Tensor:
    """Jensen-Shannon divergence (N,) of two predictions, float64, in nats.

    Args:
        first: logits (N, K).
        second: logits (N, K).
        temperature: divisor of the logits.
    """
    p = (first.double() / temperature).log_softmax(1)
    q = (second.double() / temperature).log_softmax(1)
    middle = torch.logaddexp(p, q) - math.log(2)
    return ((p.exp() * (p - middle)).sum(1) + (q.exp() * (q - middle)).sum(1)) / 2


def uncertainty(logits: Tensor) -> Tensor:
    """``log((1 - p) / p)`` (N,) of the largest softmax probability p, float64.

    It orders images as the maximum softmax does, also where that rounds to 1.

    Args:
        logits: (N, K).
    """
    ordered = logits.double().sort(1, descending=True).values
    return ordered[:, 1:].logsumexp(1) - ordered[:, 0]
