"""The CIFAR residual networks of the original paper, with shortcuts of option A or B.

He et al. 2016, "Deep Residual Learning for Image Recognition", section 4.2 (arXiv:1512.03385).
Keys are those of the widely used checkpoints of Y. Idelbayev.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import torch.nn.functional as F
from torch import Tensor, nn

from models_zoo.architectures.families import blocks_of_depth, number, register_family
from models_zoo.architectures.registry import register
from models_zoo.architectures.shape import Shape
from models_zoo.architectures.usual_accuracy import publish_errors

DEEPEST = 1202
"""Number of layers of the deepest network of the paper."""

Option = Literal["A", "B"]
"""How a shortcut changes its shape: without parameters (A) or by a 1x1 convolution (B)."""


class BasicBlock(nn.Module):
    """Two 3x3 convolutions with batch norm and a shortcut.

    Where the shape changes, the shortcut of option A takes every second pixel and pads channels
    with zeros; that of option B is a 1x1 convolution with batch norm.
    """

    def __init__(self, channels_in: int, channels: int, stride: int, option: Option = "A") -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.stride = stride
        self.padding = (channels - channels_in) // 2
        self.shortcut: nn.Module | None = None
        if option == "B" and (stride != 1 or channels_in != channels):
            projection = nn.Conv2d(channels_in, channels, 1, stride=stride, bias=False)
            self.shortcut = nn.Sequential(projection, nn.BatchNorm2d(channels))

    def forward(self, inputs: Tensor) -> Tensor:
        """(N, channels_in, H, W) to (N, channels, H / stride, W / stride)."""
        hidden = self.bn1(self.conv1(inputs)).relu()
        if self.shortcut is None:
            shortcut = inputs[:, :, :: self.stride, :: self.stride]
            shortcut = F.pad(shortcut, (0, 0, 0, 0, self.padding, self.padding))
        else:
            shortcut = self.shortcut(inputs)
        outputs: Tensor = (self.bn2(self.conv2(hidden)) + shortcut).relu()
        return outputs


class CIFARResNet(nn.Module):
    """Three stages of 16, 32 and 64 channels, ``blocks`` basic blocks each: 6 * blocks + 2 layers.

    Args:
        blocks: basic blocks per stage.
        classes: number of logits.
        channels: channels of an image.
        option: of the shortcuts.
    """

    def __init__(self, blocks: int, classes: int, channels: int, option: Option = "A") -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 16, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.layer1 = self._stage(blocks, 16, 16, 1, option)
        self.layer2 = self._stage(blocks, 16, 32, 2, option)
        self.layer3 = self._stage(blocks, 32, 64, 2, option)
        self.linear = nn.Linear(64, classes)

    @staticmethod
    def _stage(
        blocks: int, channels_in: int, channels: int, stride: int, option: Option
    ) -> nn.Sequential:
        first = BasicBlock(channels_in, channels, stride, option)
        return nn.Sequential(first, *(BasicBlock(channels, channels, 1) for _ in range(1, blocks)))

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, classes) of normalized ``images`` (N, C, H, W)."""
        hidden = self.bn1(self.conv1(images)).relu()
        hidden = self.layer3(self.layer2(self.layer1(hidden)))
        logits: Tensor = self.linear(hidden.mean(dim=(2, 3)))
        return logits


@register("cifar-resnet20")
def cifar_resnet20(*, classes: int, input_shape: Shape) -> nn.Module:
    """ResNet-20 for CIFAR: 0.27 million parameters."""
    return CIFARResNet(3, classes, input_shape[0])


@register("cifar-resnet56")
def cifar_resnet56(*, classes: int, input_shape: Shape) -> nn.Module:
    """ResNet-56 for CIFAR: 0.85 million parameters."""
    return CIFARResNet(9, classes, input_shape[0])


@register_family(
    "cifar-resnetDEPTH[-b]",
    pattern=r"cifar-resnet(?P<depth>[0-9]+)(?P<option>-[ab])?",
    example="cifar-resnet32",
    description="the ResNet paper's networks for CIFAR, DEPTH = 6 n + 2, with shortcuts of option "
    "A (no parameters) or, with -b, B (1x1 convolutions)",
)
def cifar_resnet(parts: Mapping[str, str], classes: int, input_shape: Shape) -> nn.Module:
    """A CIFAR ResNet of any depth 6 n + 2."""
    depth = number(parts, "depth", least=8, most=DEEPEST)
    option: Option = "B" if parts["option"] == "-b" else "A"
    return CIFARResNet(blocks_of_depth(depth, 6, 2), classes, input_shape[0], option)


publish_errors(
    "cifar10",
    "He et al. 2016, table 6",
    {
        "cifar-resnet20": 8.75,
        "cifar-resnet32": 7.51,
        "cifar-resnet44": 7.17,
        "cifar-resnet56": 6.97,
        "cifar-resnet110": 6.43,
    },
)
