"""TRADES at adversarially perturbed weights, TRADES-AWP.

Wu et al. 2020, "Adversarial Weight Perturbation Helps Robust Generalization" (arXiv:2004.05884).
"""

from __future__ import annotations

from pydantic import Field
from torch import Tensor, nn

from models_zoo.training.awp import WeightAdversary
from models_zoo.training.recipe import Step, register
from models_zoo.training.trades import TradesSettings, diverging_images, objective
from models_zoo.training.weights import at_worst_weights


class TradesAWPSettings(WeightAdversary, TradesSettings):
    """Settings of TRADES-AWP: half of AT-AWP's displacement, after a twentieth of the training."""

    gamma: float = Field(default=0.005, ge=0, le=1)
    awp_warmup: float = Field(default=0.05, ge=0, le=1)


@register("trades-awp", TradesAWPSettings)
def loss(model: nn.Module, step: Step, settings: TradesAWPSettings) -> Tensor:
    """TRADES' loss of adversarial images of the model, at the worst weights for this loss."""
    adversarial = diverging_images(model, step, settings)
    return at_worst_weights(
        model,
        lambda predict: objective(predict, step, adversarial, settings),
        settings.radius(step),
    )
