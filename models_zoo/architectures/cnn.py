"""A small plain convolutional network."""

from __future__ import annotations

from torch import Tensor, nn

from models_zoo.architectures.registry import register
from models_zoo.architectures.shape import Shape


class CNN(nn.Module):
    """Two 3x3 convolutions (the second with stride 2) and two linear layers, ReLU, no batch norm.

    Args:
        classes: number of logits.
        input_shape: (channels, height, width) of an image.
    """

    def __init__(self, classes: int, input_shape: Shape) -> None:
        super().__init__()
        channels, height, width = input_shape
        cells = ((height + 1) // 2) * ((width + 1) // 2)
        self.conv1 = nn.Conv2d(channels, 32, 3, padding=1)
        self.conv2 = nn.Conv2d(32, 64, 3, stride=2, padding=1)
        self.linear1 = nn.Linear(64 * cells, 64)
        self.linear2 = nn.Linear(64, classes)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, classes) of normalized ``images`` (N, C, H, W)."""
        hidden = self.conv2(self.conv1(images).relu()).relu()
        logits: Tensor = self.linear2(self.linear1(hidden.flatten(1)).relu())
        return logits


@register("cnn")
def cnn(*, classes: int, input_shape: Shape) -> nn.Module:
    """Two convolutions of 32 and 64 channels and a hidden layer of 64 units."""
    return CNN(classes, input_shape)
