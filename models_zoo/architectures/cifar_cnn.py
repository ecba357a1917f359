"""The four-layer convolutional network of verified-training papers, known as CNN-A."""

from __future__ import annotations

from torch import nn

from models_zoo.architectures.registry import register
from models_zoo.architectures.shape import Shape


@register("cnn-a")
@register("cifar-cnn-a")
def cnn_a(*, classes: int, input_shape: Shape) -> nn.Module:
    """CNN-A of Dathathri et al. 2020, a plain ``Sequential`` (arXiv:2010.11645), for any images.

    Two 4x4 convolutions of 16 and 32 channels with stride 2, a hidden layer of 100 units.
    """
    channels, height, width = input_shape
    return nn.Sequential(
        nn.Conv2d(channels, 16, 4, stride=2, padding=1),
        nn.ReLU(),
        nn.Conv2d(16, 32, 4, stride=2, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(32 * (height // 2 // 2) * (width // 2 // 2), 100),
        nn.ReLU(),
        nn.Linear(100, classes),
    )
