"""Objectives: per-example losses to ascend, from logits (N, K) to (N,).

An example is misclassified exactly where its margin is positive, or zero with the tie going to an
earlier class.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

DISTILLATION_TEMPERATURE = 4.0
"""Temperature of the predictions in :func:`backdoor_loss`, so that unlikely classes count too."""

MIN_SPREAD = 1e-12
"""Smallest divisor in :func:`targeted_dlr`, where all logits are equal."""

Objective = Callable[..., Tensor]
"""``(logits (N, K), labels (N,), *more) -> (N,)``, larger is worse for the model. Further
arguments, such as target classes (N,), depend on the objective; they have one row per example."""


def cross_entropy(logits: Tensor, labels: Tensor, temperature: Tensor | None = None) -> Tensor:
    """``-log softmax(logits / temperature)[label]``, in nats; temperatures (N,), by default 1."""
    return F.cross_entropy(_softened(logits, temperature), labels, reduction="none")


def margin(logits: Tensor, labels: Tensor) -> Tensor:
    """``max_{j != y} z_j - z_y`` (Carlini & Wagner 2017)."""
    own = logits.gather(1, labels[:, None]).squeeze(1)
    return other_logits(logits, labels).amax(1) - own


def probability_margin(logits: Tensor, labels: Tensor, temperature: Tensor | None = None) -> Tensor:
    """``max_{j != y} p_j - p_y`` with ``p = softmax(z / temperature)`` (PMA, Xie et al. 2024).

    If a probability rounds to 1 in float32, the gradient vanishes; a temperature (N,) avoids that.
    """
    return margin(_softened(logits, temperature).softmax(1), labels)


def targeted_margin(logits: Tensor, labels: Tensor, targets: Tensor) -> Tensor:
    """``z_t - z_y`` for one target class per example, ``targets`` (N,)."""
    pair = logits.gather(1, torch.stack([targets, labels], dim=1))
    return pair[:, 0] - pair[:, 1]


def targeted_dlr(logits: Tensor, labels: Tensor, targets: Tensor) -> Tensor:
    """``(z_t - z_y) / (z_(1) - (z_(3) + z_(4)) / 2)`` (Croce & Hein 2020).

    ``z_(k)`` is the k-th largest logit; with three classes the two smallest, with two classes the
    smallest take the place of the third and fourth. It is zero where the targeted margin is zero.
    """
    ordered = logits.sort(dim=1, descending=True).values
    third = max(min(2, logits.shape[1] - 2), 1)
    others = ordered[:, third : third + 2].mean(1)
    spread = (ordered[:, 0] - others).clamp_min(MIN_SPREAD)
    return targeted_margin(logits, labels, targets) / spread


TARGETED_OBJECTIVES: dict[str, Objective] = {"margin": targeted_margin, "DLR": targeted_dlr}
"""Those with target classes, by the names that searches and descents use."""


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
    """:func:`divergence` of logits standardized to zero mean and unit deviation per image.

    It does not depend on the scale of the logits (Yu et al. 2019 ask for consistency under
    re-parameterization).
    """
    return divergence(standardized(logits), labels, standardized(clean))


def standardized(logits: Tensor) -> Tensor:
    """Logits (N, K) in float64 with zero mean and unit standard deviation per row."""
    z = logits.double()
    z = z - z.mean(1, keepdim=True)
    return z / z.std(1, keepdim=True, correction=0).clamp_min(1e-12)


def backdoor_loss(
    logits: Tensor, labels: Tensor, clean: Tensor, triggered: Tensor, beta: float = 1.0
) -> Tensor:
    """Minus the composite loss of Garg et al. 2020, which a backdoor attack maximizes.

    For triggered examples the loss is the cross-entropy to the target class, given as their label.
    For clean ones it is the KL divergence from the original model's prediction at temperature
    :data:`DISTILLATION_TEMPERATURE`, times its square, as in distillation (Hinton et al. 2015).

    Args:
        logits: (N, K) under the perturbed weights.
        labels: (N,), the target class of triggered examples; not used for clean ones.
        clean: logits (N, K) of the original model.
        triggered: bool (N,).
        beta: weight of the triggered examples.
    """
    softened = (logits / DISTILLATION_TEMPERATURE).log_softmax(1)
    original = (clean / DISTILLATION_TEMPERATURE).log_softmax(1)
    divergences = F.kl_div(softened, original, reduction="none", log_target=True).sum(1)
    kept = DISTILLATION_TEMPERATURE**2 * divergences
    return -torch.where(triggered, beta * cross_entropy(logits, labels), kept)


def _softened(logits: Tensor, temperature: Tensor | None) -> Tensor:
    return logits if temperature is None else logits / temperature[:, None]


def other_logits(logits: Tensor, labels: Tensor) -> Tensor:
    """The logits, with that of the true class set to minus infinity."""
    return logits.scatter(1, labels[:, None], -torch.inf)
