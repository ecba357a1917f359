"""VGG networks for small images, with and without batch norm.

Simonyan & Zisserman 2015 (arXiv:1409.1556). Keys are those of kuangliu's pytorch-cifar and of
torchvision: ``features`` and ``classifier``.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

from torch import Tensor, nn

from models_zoo.architectures.families import register_family
from models_zoo.architectures.mlp import hidden_widths
from models_zoo.architectures.shape import Shape
from models_zoo.architectures.usual_accuracy import publish_errors

POOL = 0
"""Marks a 2x2 max pooling in :data:`LAYERS`."""

LAYERS = {
    11: (64, 0, 128, 0, 256, 256, 0, 512, 512, 0, 512, 512, 0),
    13: (64, 64, 0, 128, 128, 0, 256, 256, 0, 512, 512, 0, 512, 512, 0),
    16: (64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0),
    19: (64, 64, 0, 128, 128, 0, *(256,) * 4, 0, *(512,) * 4, 0, *(512,) * 4, 0),
}
"""Channels of the 3x3 convolutions, by the number of layers of the paper's network."""


class VGG(nn.Module):
    """3x3 convolutions with ReLU and five pooling layers, then linear layers.

    Args:
        depth: a key of :data:`LAYERS`.
        norm: whether batch norm follows each convolution.
        hidden: units of the hidden linear layers; empty if the classifier is a single layer.
        classes: number of logits.
        input_shape: (channels, height, width) of an image.
    """

    def __init__(
        self, depth: int, norm: bool, hidden: list[int], classes: int, input_shape: Shape
    ) -> None:
        super().__init__()
        channels, height, width = input_shape
        layers: list[nn.Module] = []
        for wide in LAYERS[depth]:
            if wide == POOL:
                layers.append(nn.MaxPool2d(2))
                height, width = height // 2, width // 2
                continue
            layers.append(nn.Conv2d(channels, wide, 3, padding=1))
            layers += [nn.BatchNorm2d(wide)] * norm
            layers.append(nn.ReLU())
            channels = wide
        self.features = nn.Sequential(*layers)
        self.classifier = _classifier([channels * height * width, *hidden, classes])

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, classes) of normalized ``images`` (N, C, H, W)."""
        logits: Tensor = self.classifier(self.features(images).flatten(1))
        return logits


def _classifier(widths: list[int]) -> nn.Module:
    linear = [nn.Linear(a, b) for a, b in pairwise(widths)]
    if len(linear) == 1:
        return linear[0]
    layers: list[nn.Module] = [linear[0]]
    for each in linear[1:]:
        layers += [nn.ReLU(), each]
    return nn.Sequential(*layers)


@register_family(
    "vggDEPTH[-bn][:WIDTH-WIDTH]",
    pattern=r"vgg(?P<depth>11|13|16|19)(?P<norm>-bn)?(:(?P<hidden>[0-9]+(-[0-9]+)*))?",
    example="vgg16-bn",
    description="VGG-11, 13, 16 or 19, -bn with batch norm (kuangliu's pytorch-cifar); widths of "
    "hidden linear layers after a colon, such as vgg16:512-512",
    chain=True,
)
def vgg(parts: Mapping[str, str], classes: int, input_shape: Shape) -> nn.Module:
    """A VGG network for small images."""
    hidden = hidden_widths(parts["hidden"]) if parts["hidden"] else []
    return VGG(int(parts["depth"]), bool(parts["norm"]), hidden, classes, input_shape)


publish_errors("cifar10", "README of kuangliu/pytorch-cifar", {"vgg16-bn": 7.36})
