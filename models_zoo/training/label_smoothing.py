"""Label smoothing: a share of each label's probability is spread over all classes.

Szegedy et al. 2016, "Rethinking the Inception Architecture for Computer Vision"
(arXiv:1512.00567).
"""

from __future__ import annotations

import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from models_zoo.training.recipe import Settings, Step, register


class LabelSmoothingSettings(Settings):
    """Settings of label smoothing.

    Attributes:
        smoothing: probability that is taken from the label and spread over all classes, including
            the label.
    """

    smoothing: float = Field(default=0.1, ge=0, lt=1)


@register("label-smoothing", LabelSmoothingSettings, texts=True)
def loss(model: nn.Module, step: Step, settings: LabelSmoothingSettings) -> Tensor:
    """Mean cross-entropy of clean images against smoothed labels."""
    return F.cross_entropy(model(step.images), step.labels, label_smoothing=settings.smoothing)
