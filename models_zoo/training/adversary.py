"""The adversary of adversarial training recipes."""

from __future__ import annotations

from pydantic import Field
from torch import Tensor, nn

from models_zoo.training.pgd import Objective, pgd, summed_cross_entropy
from models_zoo.training.recipe import Settings, Step


class AdversarySettings(Settings):
    """Settings of a recipe with an adversary on the images.

    Attributes:
        steps: ascent steps of the adversary.
        step_size: length of one step, as a share of ``eps``.
        eps_ramp: share of the training over which the adversary's ``eps`` grows from 0; with a
            large budget from the start, a network may predict one class for all images.
    """

    steps: int = Field(default=10, ge=1, le=100_000)
    step_size: float = Field(default=0.25, gt=0, le=2)
    eps_ramp: float = Field(default=0.0, ge=0, le=1)


def adversarial_images(
    model: nn.Module,
    step: Step,
    settings: AdversarySettings,
    objective: Objective = summed_cross_entropy,
) -> Tensor:
    """The step's images perturbed by PGD on the model in eval mode, which is left in train mode.

    In eval mode the adversary's passes do not change batch norm's statistics.
    """
    grown = min(1.0, step.done / settings.eps_ramp) if settings.eps_ramp else 1.0
    eps = grown * settings.eps
    model.eval()
    adversarial = pgd(
        model,
        step.images,
        step.labels,
        eps=eps,
        step=settings.step_size * eps,
        steps=settings.steps,
        generator=step.generator,
        objective=objective,
    )
    model.train()
    return adversarial
