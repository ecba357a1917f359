"""Objectives: per-example losses to ascend, from logits (N, K) to (N,).

An example is misclassified exactly where its margin is positive, or zero with the tie going to an
earlier class.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

TEMPERATURE = 4.0
"""Softens predictions in :func:`implant`, so that the unlikely classes count too."""

Objective = Callable[..., Tensor]
"""``(logits (N, K), labels (N,), *more) -> (N,)``, larger is worse for the model. What ``more`` is,
such as target classes (N,), is the objective's own and has one row an example."""


def cross_entropy(logits: Tensor, labels: Tensor, temperature: Tensor | None = None) -> Tensor:
    """``-log softmax(logits / temperature)[label]``, in nats; temperatures (N,), by default 1."""
    return F.cross_entropy(_softened(logits, temperature), labels, reduction="none")


def margin(logits: Tensor, labels: Tensor) -> Tensor:
    """``max_{j != y} z_j - z_y`` (Carlini & Wagner 2017)."""
    own = logits.gather(1, labels[:, None]).squeeze(1)
    return others(logits, labels).amax(1) - own


def probability_margin(logits: Tensor, labels: Tensor, temperature: Tensor | None = None) -> Tensor:
    """``max_{j != y} p_j - p_y`` with ``p = softmax(z / temperature)`` (PMA, Xie et al. 2024).

    Where one class has all the probability that float32 can hold, value and gradient stand still;
    a temperature (N,) keeps them moving.
    """
    return margin(_softened(logits, temperature).softmax(1), labels)


def targeted_margin(logits: Tensor, labels: Tensor, targets: Tensor) -> Tensor:
    """``z_t - z_y`` for one target class an example, ``targets`` (N,)."""
    pair = logits.gather(1, torch.stack([targets, labels], dim=1))
    return pair[:, 0] - pair[:, 1]


def divergence(logits: Tensor, labels: Tensor, clean: Tensor) -> Tensor:
    """``KL(softmax(clean) || softmax(logits))`` in float64, in nats; the labels are not used.

    Args:
        logits: of the perturbed images.
        labels: ignored.
        clean: logits (N, K) of the unperturbed images.
    """
    return F.kl_div(
        logits.double().log_softmax(1),
        clean.double().log_softmax(1),
        reduction="none",
        log_target=True,
    ).sum(1)


def normalized_divergence(logits: Tensor, labels: Tensor, clean: Tensor) -> Tensor:
    """:func:`divergence` of logits brought to zero mean and unit deviation, image by image.

    It takes the scale of the logits out: multiplying them by a constant changes nothing (Yu et al.
    2019 ask for consistency under re-parameterisation).
    """
    return divergence(standardized(logits), labels, standardized(clean))


def standardized(logits: Tensor) -> Tensor:
    """Logits (N, K) in float64 with zero mean and unit standard deviation a row."""
    z = logits.double()
    z = z - z.mean(1, keepdim=True)
    return z / z.std(1, keepdim=True, correction=0).clamp_min(1e-12)


def implant(
    logits: Tensor, labels: Tensor, clean: Tensor, triggered: Tensor, beta: float = 1.0
) -> Tensor:
    """What a backdoor's author ascends: minus the composite loss of Garg et al. 2020.

    Triggered examples pay their cross-entropy to the target class, given as their label. Clean ones
    pay for leaving the original model's prediction: the KL divergence at temperature
    :data:`TEMPERATURE`, times its square, as in distillation (Hinton et al. 2015).

    Args:
        logits: (N, K) under the perturbed weights.
        labels: (N,), the target class on triggered examples; not used on clean ones.
        clean: logits (N, K) of the original model.
        triggered: bool (N,).
        beta: weight of the triggered examples.
    """
    softened = (logits / TEMPERATURE).log_softmax(1)
    original = (clean / TEMPERATURE).log_softmax(1)
    apart = F.kl_div(softened, original, reduction="none", log_target=True).sum(1)
    return -torch.where(triggered, beta * cross_entropy(logits, labels), TEMPERATURE**2 * apart)


def _softened(logits: Tensor, temperature: Tensor | None) -> Tensor:
    return logits if temperature is None else logits / temperature[:, None]


def others(logits: Tensor, labels: Tensor) -> Tensor:
    """The logits with the true class's set to minus infinity."""
    return logits.scatter(1, labels[:, None], -torch.inf)
