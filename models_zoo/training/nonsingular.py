"""Training against joint perturbations: an error bound over images and weights, and small norms.

After Tsai, Hsu, Yu & Chen 2021, "Non-Singular Adversarial Robustness of Neural Networks"
(arXiv:2102.11935), and "Formalizing Generalization and Adversarial Robustness of Neural Networks to
Weight Perturbations" (arXiv:2103.02200). They published no code; the bound and the weights of its
terms are this project's.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from models_zoo.training.adversary import AdversarySettings, adversarial_images
from models_zoo.training.joint_bound import margin_errors
from models_zoo.training.recipe import Step, register


class NonsingularSettings(AdversarySettings):
    """Settings of training against joint perturbations.

    Attributes:
        bound_eps: linf budget of the images in the bound, as a share of ``eps``.
        bound_radius: change of each weight in the bound, as a share of its tensor's largest entry.
        bound_weight: lambda, of the bound.
        norm_weight: mu, of the norms.
        ramp: share of the training over which both budgets of the bound grow from 0.
    """

    bound_eps: float = Field(default=0.1, ge=0, le=1)
    bound_radius: float = Field(default=0.005, ge=0, le=1)
    bound_weight: float = Field(default=0.03, ge=0)
    norm_weight: float = Field(default=0.003, ge=0)
    ramp: float = Field(default=1 / 3, ge=0, le=1)
    clip: float = Field(default=1.0, ge=0)


@register("nonsingular", NonsingularSettings)
def loss(model: nn.Module, step: Step, settings: NonsingularSettings) -> Tensor:
    """``CE(x') + lambda max_j eta_yj(x) + mu sum_m (row norm + column norm)``; mean over images."""
    adversarial = adversarial_images(model, step, settings)
    grown = min(1.0, step.done / settings.ramp) if settings.ramp else 1.0
    errors = margin_errors(
        model,
        step.images,
        step.labels,
        eps=grown * settings.bound_eps * settings.eps,
        share=grown * settings.bound_radius,
    )
    return (
        F.cross_entropy(model(adversarial), step.labels)
        + settings.bound_weight * errors.amax(1).mean()
        + settings.norm_weight * norms(model)
    )


def norms(model: nn.Module) -> Tensor:
    """Sum over layers of the largest l1 norm of a row and the largest of a column.

    A row of a convolution is the weights of one output channel, a column those of one input
    channel, so that the two norms bound the layer's gain in linf and in l1.
    """
    total = torch.zeros(())
    for weight in (p for p in model.parameters() if p.ndim > 1):
        sizes = weight.abs().flatten(2).sum(2) if weight.ndim > 2 else weight.abs()
        total = total.to(weight.device) + sizes.sum(1).amax() + sizes.sum(0).amax()
    return total
