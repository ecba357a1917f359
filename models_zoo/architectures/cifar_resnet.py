"""The CIFAR residual networks of the original paper, with option-A shortcuts.

He et al. 2016, "Deep Residual Learning for Image Recognition", section 4.2 (arXiv:1512.03385).
Keys are those of the widely used checkpoints of Y. Idelbayev.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from models_zoo.architectures.registry import Shape, register


class BasicBlock(nn.Module):
    """Two 3x3 convolutions with batch norm and a shortcut without parameters (option A).

    Where the shape changes, the shortcut takes every second pixel and pads channels with zeros.
    """

    def __init__(self, channels_in: int, channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.stride = stride
        self.padding = (channels - channels_in) // 2

    def forward(self, inputs: Tensor) -> Tensor:
        """(N, channels_in, H, W) to (N, channels, H / stride, W / stride)."""
        hidden = self.bn1(self.conv1(inputs)).relu()
        shortcut = inputs[:, :, :: self.stride, :: self.stride]
        shortcut = F.pad(shortcut, (0, 0, 0, 0, self.padding, self.padding))
        outputs: Tensor = (self.bn2(self.conv2(hidden)) + shortcut).relu()
        return outputs


class CIFARResNet(nn.Module):
    """Three stages of 16, 32 and 64 channels, ``blocks`` basic blocks each: 6 * blocks + 2 layers.

    Args:
        blocks: basic blocks a stage.
        classes: number of logits.
        channels: channels of an image.
    """

    def __init__(self, blocks: int, classes: int, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 16, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.layer1 = self._stage(blocks, 16, 16, stride=1)
        self.layer2 = self._stage(blocks, 16, 32, stride=2)
        self.layer3 = self._stage(blocks, 32, 64, stride=2)
        self.linear = nn.Linear(64, classes)

    @staticmethod
    def _stage(blocks: int, channels_in: int, channels: int, stride: int) -> nn.Sequential:
        first = BasicBlock(channels_in, channels, stride)
        return nn.Sequential(first, *(BasicBlock(channels, channels, 1) for _ in range(1, blocks)))

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, classes) of normalised ``images`` (N, C, H, W)."""
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
