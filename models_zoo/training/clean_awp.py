"""Adversarial weight perturbation alone: descend the loss of clean inputs at the worst weights.

The weight half of AT-AWP (Wu et al. 2020, arXiv:2004.05884), for inputs that are not perturbed.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from models_zoo.training.awp import WeightAdversary
from models_zoo.training.recipe import Settings, Step, register
from models_zoo.training.weights import at_worst_weights


class CleanAWPSettings(WeightAdversary, Settings):
    """Settings of AWP without an adversary on the inputs."""


@register("awp", CleanAWPSettings, texts=True)
def loss(model: nn.Module, step: Step, settings: CleanAWPSettings) -> Tensor:
    """Mean cross-entropy of clean inputs, at the worst weights for them."""
    return at_worst_weights(
        model,
        lambda predict: F.cross_entropy(predict(step.images), step.labels),
        settings.radius(step),
    )
