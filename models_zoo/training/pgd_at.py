"""PGD adversarial training: descend the loss of the worst image found in the ball.

Madry et al. 2018, "Towards Deep Learning Models Resistant to Adversarial Attacks"
(arXiv:1706.06083).
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from models_zoo.training.adversary import AdversarySettings, adversarial_images
from models_zoo.training.recipe import Step, register


@register("pgd-at", AdversarySettings)
def loss(model: nn.Module, step: Step, settings: AdversarySettings) -> Tensor:
    """Mean cross-entropy of images perturbed by PGD with the model in eval mode."""
    return F.cross_entropy(model(adversarial_images(model, step, settings)), step.labels)
