"""Random weight noise: descend the loss at random weights around the model's own.

The average case, where AWP takes the worst; compared in Wu et al. 2020 (arXiv:2004.05884). The
noise is proportional to the weights, as in He et al. 2019, "Parametric Noise Injection"
(arXiv:1811.09310).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from models_zoo.training.recipe import Settings, Step, register
from models_zoo.training.weights import displaced, kernels, relative


class RandomWeightNoiseSettings(Settings):
    """Settings of random weight noise.

    Attributes:
        radius: length of each kernel's displacement, relative to the kernel's own.
    """

    radius: float = Field(default=0.3, ge=0, le=10)


@register("random-weight-noise", RandomWeightNoiseSettings, texts=True)
def loss(model: nn.Module, step: Step, settings: RandomWeightNoiseSettings) -> Tensor:
    """Mean cross-entropy of clean images, with each kernel displaced in a random direction."""
    moved = {}
    for name, weight in kernels(model).items():
        direction = torch.randn(weight.shape, generator=step.generator).to(weight.device)
        moved[name] = weight + relative(weight.detach(), direction, settings.radius)
    return F.cross_entropy(displaced(model, moved)(step.images), step.labels)
