"""PGD adversarial training: descend the loss of the worst image found in the ball.

Madry et al. 2018, "Towards Deep Learning Models Resistant to Adversarial Attacks"
(arXiv:1706.06083).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from models_zoo.training.pgd import pgd
from models_zoo.training.recipe import Settings, register


class PGDATSettings(Settings):
    """Settings of PGD adversarial training.

    Attributes:
        steps: ascent steps of the adversary.
        step_size: length of one step, as a share of ``eps``.
    """

    steps: int = Field(default=10, ge=1)
    step_size: float = Field(default=0.25, gt=0, le=2)


@register("pgd-at", PGDATSettings)
def loss(
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    settings: PGDATSettings,
    generator: torch.Generator,
) -> Tensor:
    """Mean cross-entropy of images perturbed by PGD with the model in eval mode."""
    model.eval()
    adversarial = pgd(
        model,
        images,
        labels,
        eps=settings.eps,
        step=settings.step_size * settings.eps,
        steps=settings.steps,
        generator=generator,
    )
    model.train()
    return F.cross_entropy(model(adversarial), labels)
