"""Adversarial training in l2 and l1 balls, whose images are found by projected gradient ascent.

The zoo's recipes have an adversary in linf only. Importing this module registers two more, the
losses of PGD adversarial training (Madry et al. 2018, arXiv:1706.06083) and TRADES (Zhang et al.
2019, arXiv:1901.08573) at images inside another ball.
"""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from benchmark.spaces import IMAGES, InputBall
from models_zoo.training.adversary import AdversarySettings
from models_zoo.training.pgd import Objective, summed_cross_entropy
from models_zoo.training.recipe import Step, register
from models_zoo.training.trades import TradesSettings, divergence, objective


class BallSettings(AdversarySettings):
    """Settings of PGD adversarial training in a ball; ``eps`` of the zoo's recipes is not used.

    Attributes:
        norm: of the ball.
        radius: its radius in input units.
        step_size: length of one step, as a share of ``radius``.
    """

    norm: Literal["l2", "l1"] = "l2"
    radius: float = Field(default=0.5, gt=0)


class BallTradesSettings(BallSettings, TradesSettings):
    """Settings of TRADES in a ball."""


@register("pgd-at-ball", BallSettings)
def pgd_at_loss(model: nn.Module, step: Step, settings: BallSettings) -> Tensor:
    """Mean cross-entropy of images perturbed inside the ball."""
    return F.cross_entropy(model(images_in_ball(model, step, settings)), step.labels)


@register("trades-ball", BallTradesSettings)
def trades_loss(model: nn.Module, step: Step, settings: BallTradesSettings) -> Tensor:
    """The loss of TRADES, at images inside the ball that maximize the divergence."""
    model.eval()
    with torch.no_grad():
        clean = model(step.images)
    moved = images_in_ball(model, step, settings, lambda logits, _: divergence(logits, clean))
    return objective(model, step, moved, settings)


def images_in_ball(
    model: nn.Module,
    step: Step,
    settings: BallSettings,
    objective: Objective = summed_cross_entropy,
) -> Tensor:
    """The step's images (N, C, H, W), perturbed to ascend an objective inside the ball and [0, 1].

    The model is in eval mode meanwhile and in train mode afterwards.

    Args:
        model: from images in [0, 1] to logits.
        step: images, labels and the source of the random start.
        settings: norm, radius, steps and their size.
        objective: by default the cross-entropy.
    """
    grown = min(1.0, step.done / settings.eps_ramp) if settings.eps_ramp else 1.0
    ball = InputBall(step.images, settings.norm, grown * settings.radius)
    model.eval()
    current = ball.sample(step.generator)[IMAGES]
    for _ in range(settings.steps):
        current.requires_grad_(True)
        (gradient,) = torch.autograd.grad(objective(model(current), step.labels), current)
        current = current.detach()
        move = ball.steepest({IMAGES: gradient}, {IMAGES: current})[IMAGES]
        current = ball.project({IMAGES: current + settings.step_size * move})[IMAGES]
    model.train()
    return current
