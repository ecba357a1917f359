"""Standard training: descend the cross-entropy of the images as they are."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models_zoo.training.recipe import Settings, register


@register("standard", Settings)
def loss(
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    settings: Settings,
    generator: torch.Generator,
) -> Tensor:
    """Mean cross-entropy of clean images."""
    return F.cross_entropy(model(images), labels)
