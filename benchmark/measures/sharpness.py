"""One-step sharpness: how much the loss increases along one ascent step, in two metrics.

Sources: SAM, Foret et al. 2021; ASAM, Kwon et al. 2021, with the public code of both.
"""

from __future__ import annotations

import torch
from torch import Tensor

from benchmark.ascent import whole_set
from benchmark.objectives import cross_entropy
from benchmark.spaces import Point
from benchmark.subject import Subject


def sam_sharpness(subject: Subject, weights: Point, rho: float) -> Tensor:
    """``L(w + e) - L(w)`` with ``e = rho * g / |g|``, over all tensors together.

    It depends on the scale of the weights.

    Args:
        subject: model and examples; L is their mean clean cross-entropy.
        weights: the perturbed tensors, by parameter name.
        rho: length of the step (0.05 in the paper).
    """
    ones = {name: torch.ones_like(tensor) for name, tensor in weights.items()}
    return _increase(subject, weights, ones, rho)


def asam_sharpness(subject: Subject, weights: Point, rho: float, eta: float = 0.0) -> Tensor:
    """``L(w + e) - L(w)`` with ``e = rho * T^2 g / |T g|`` and ``T = |w| + eta``, entry by entry.

    With ``eta`` 0 it is invariant to scaling a weight if others compensate for it, and a weight of
    zero is not perturbed. The authors' code has ``eta`` 0.01 and does not scale biases, so that it
    is not invariant.

    Args:
        subject: model and examples; L is their mean clean cross-entropy.
        weights: the perturbed tensors, by parameter name.
        rho: length of the step in units of T (0.5 in the paper).
        eta: added to the absolute value of each weight.
    """
    metric = {name: tensor.abs() + eta for name, tensor in weights.items()}
    return _increase(subject, weights, metric, rho)


def _increase(subject: Subject, weights: Point, metric: Point, rho: float) -> Tensor:
    one = torch.ones(1, device=subject.images.device)
    gradient = whole_set(subject, cross_entropy)(weights, one).gradient
    scaled = {name: metric[name] * tensor for name, tensor in gradient.items()}
    parts = [torch.linalg.vector_norm(each.double()) for each in scaled.values()]
    length: Tensor = torch.linalg.vector_norm(torch.stack(parts))
    if length == 0:
        return length
    moved = {
        name: tensor + (rho / length).to(tensor) * metric[name] * scaled[name]
        for name, tensor in weights.items()
    }
    before, after = (
        cross_entropy(each.logits(), subject.labels).double().mean()
        for each in (subject, subject.at(moved))
    )
    return after - before
