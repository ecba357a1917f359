"""Standard training: descend the cross-entropy of clean images."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from models_zoo.training.recipe import Settings, Step, register


@register("standard", Settings, texts=True)
def loss(model: nn.Module, step: Step, settings: Settings) -> Tensor:
    """Mean cross-entropy of clean images."""
    return F.cross_entropy(model(step.images), step.labels)
