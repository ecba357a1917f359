"""PGD adversarial training at adversarially perturbed weights, AT-AWP.

Wu et al. 2020, "Adversarial Weight Perturbation Helps Robust Generalization" (arXiv:2004.05884).
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from models_zoo.training.adversary import AdversarySettings, adversarial_images
from models_zoo.training.awp import WeightAdversary
from models_zoo.training.recipe import Step, register
from models_zoo.training.weights import at_worst_weights


class ATAWPSettings(WeightAdversary, AdversarySettings):
    """Settings of AT-AWP: those of both adversaries."""


@register("at-awp", ATAWPSettings)
def loss(model: nn.Module, step: Step, settings: ATAWPSettings) -> Tensor:
    """Cross-entropy of adversarial images of the model, at the worst weights for these images."""
    adversarial = adversarial_images(model, step, settings)
    return at_worst_weights(
        model,
        lambda predict: F.cross_entropy(predict(adversarial), step.labels),
        settings.radius(step),
    )
