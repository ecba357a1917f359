"""TRADES: clean accuracy traded off against predictions that are constant in the ball.

Zhang et al. 2019, "Theoretically Principled Trade-off between Robustness and Accuracy"
(arXiv:1901.08573).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from models_zoo.training.adversary import AdversarySettings, adversarial_images
from models_zoo.training.recipe import Step, register
from models_zoo.training.weights import Predict


class TradesSettings(AdversarySettings):
    """Settings of TRADES.

    Attributes:
        beta: weight of the divergence (1 / lambda in the paper).
    """

    beta: float = Field(default=6.0, ge=0)


@register("trades", TradesSettings)
def loss(model: nn.Module, step: Step, settings: TradesSettings) -> Tensor:
    """The loss of the paper, at images that maximize the divergence."""
    adversarial = diverging_images(model, step, settings)
    return objective(model, step, adversarial, settings)


def objective(
    predict: Predict, step: Step, adversarial: Tensor, settings: TradesSettings
) -> Tensor:
    """``CE(f(x), y) + beta KL(p(x) || p(x'))``, batch means, with gradients through both terms.

    Args:
        predict: from images to logits.
        step: clean images and labels.
        adversarial: perturbed images (N, C, H, W).
        settings: gives ``beta``.
    """
    clean = predict(step.images)
    apart = divergence(predict(adversarial), clean) / len(clean)
    return F.cross_entropy(clean, step.labels) + settings.beta * apart


def diverging_images(model: nn.Module, step: Step, settings: TradesSettings) -> Tensor:
    """The step's images, perturbed to maximize the divergence from the clean predictions."""
    model.eval()
    with torch.no_grad():
        clean = model(step.images)
    return adversarial_images(model, step, settings, lambda logits, _: divergence(logits, clean))


def divergence(logits: Tensor, clean: Tensor) -> Tensor:
    """``KL(softmax(clean) || softmax(logits))``, summed over the examples; both (N, classes)."""
    return F.kl_div(
        F.log_softmax(logits, 1), F.log_softmax(clean, 1), reduction="sum", log_target=True
    )
