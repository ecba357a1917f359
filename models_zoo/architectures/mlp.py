"""A plain multi-layer perceptron."""

from __future__ import annotations

import math

from torch import Tensor, nn

from models_zoo.architectures.registry import Shape, register

WIDTH = 256
"""Units of each hidden layer."""


class MLP(nn.Module):
    """Two hidden ReLU layers of :data:`WIDTH` units, no batch norm.

    Args:
        classes: number of logits.
        input_shape: (channels, height, width) of an image.
    """

    def __init__(self, classes: int, input_shape: Shape) -> None:
        super().__init__()
        self.linear1 = nn.Linear(math.prod(input_shape), WIDTH)
        self.linear2 = nn.Linear(WIDTH, WIDTH)
        self.linear3 = nn.Linear(WIDTH, classes)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, classes) of normalised ``images`` (N, C, H, W)."""
        hidden = self.linear1(images.flatten(1)).relu()
        logits: Tensor = self.linear3(self.linear2(hidden).relu())
        return logits


@register("mlp")
def mlp(*, classes: int, input_shape: Shape) -> nn.Module:
    """Two hidden layers of 256 ReLU units, for images of any shape."""
    return MLP(classes, input_shape)
