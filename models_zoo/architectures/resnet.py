"""ResNets in their CIFAR variant: a 3x3 stem, four stages, 1x1 projection shortcuts.

He et al. 2016 (arXiv:1512.03385), with the changes for small images that most CIFAR checkpoints
share. Keys are those of kuangliu's pytorch-cifar and of AutoAttack's example checkpoint.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch.nn.functional as F
from torch import Tensor, nn

from models_zoo.architectures.families import register_family
from models_zoo.architectures.registry import register
from models_zoo.architectures.shape import Shape
from models_zoo.architectures.usual_accuracy import publish_errors

BLOCKS = {
    18: (2, 2, 2, 2),
    34: (3, 4, 6, 3),
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
    152: (3, 8, 36, 3),
}
"""Blocks per stage by the number of layers; from 50 layers on they are bottlenecks."""

BOTTLENECKS = 50
"""Minimum number of layers of networks with bottleneck blocks."""


class ProjectedBlock(nn.Module):
    """Two 3x3 convolutions with batch norm; a 1x1 projection where shapes change (option B)."""

    expansion = 1

    def __init__(self, channels_in: int, channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.shortcut = _projection(channels_in, channels, stride)

    def forward(self, inputs: Tensor) -> Tensor:
        """(N, channels_in, H, W) to (N, channels, H / stride, W / stride)."""
        hidden = self.bn1(self.conv1(inputs)).relu()
        outputs: Tensor = (self.bn2(self.conv2(hidden)) + self.shortcut(inputs)).relu()
        return outputs


class Bottleneck(nn.Module):
    """1x1, 3x3 and 1x1 convolutions with batch norm; the stride is that of the 3x3 one."""

    expansion = 4

    def __init__(self, channels_in: int, channels: int, stride: int) -> None:
        super().__init__()
        wide = self.expansion * channels
        self.conv1 = nn.Conv2d(channels_in, channels, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, stride=stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.conv3 = nn.Conv2d(channels, wide, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(wide)
        self.shortcut = _projection(channels_in, wide, stride)

    def forward(self, inputs: Tensor) -> Tensor:
        """(N, channels_in, H, W) to (N, 4 * channels, H / stride, W / stride)."""
        hidden = self.bn1(self.conv1(inputs)).relu()
        hidden = self.bn2(self.conv2(hidden)).relu()
        outputs: Tensor = (self.bn3(self.conv3(hidden)) + self.shortcut(inputs)).relu()
        return outputs


class ResNet(nn.Module):
    """Four stages of 64, 128, 256 and 512 channels, four times as many with bottlenecks.

    Args:
        blocks: blocks per stage.
        classes: number of logits.
        channels: channels of an image.
        block: type of block.
        maxpool: whether the stem ends in 3x3 max pooling with stride 2, as for large images.
    """

    def __init__(
        self,
        blocks: tuple[int, int, int, int],
        classes: int,
        channels: int,
        block: type[ProjectedBlock] | type[Bottleneck] = ProjectedBlock,
        maxpool: bool = False,
    ) -> None:
        super().__init__()
        wide = block.expansion
        self.maxpool = maxpool
        self.conv1 = nn.Conv2d(channels, 64, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.layer1 = self._stage(block, blocks[0], 64, 64, stride=1)
        self.layer2 = self._stage(block, blocks[1], 64 * wide, 128, stride=2)
        self.layer3 = self._stage(block, blocks[2], 128 * wide, 256, stride=2)
        self.layer4 = self._stage(block, blocks[3], 256 * wide, 512, stride=2)
        self.linear = nn.Linear(512 * wide, classes)

    @staticmethod
    def _stage(
        block: type[ProjectedBlock] | type[Bottleneck],
        blocks: int,
        channels_in: int,
        channels: int,
        stride: int,
    ) -> nn.Sequential:
        rest = (block(block.expansion * channels, channels, 1) for _ in range(1, blocks))
        return nn.Sequential(block(channels_in, channels, stride), *rest)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, classes) of normalized ``images`` (N, C, H, W)."""
        hidden = self.bn1(self.conv1(images)).relu()
        if self.maxpool:
            hidden = F.max_pool2d(hidden, 3, stride=2, padding=1)
        hidden = self.layer4(self.layer3(self.layer2(self.layer1(hidden))))
        logits: Tensor = self.linear(hidden.mean(dim=(2, 3)))
        return logits


def _projection(channels_in: int, channels: int, stride: int) -> nn.Sequential:
    if stride == 1 and channels_in == channels:
        return nn.Sequential()
    projection = nn.Conv2d(channels_in, channels, 1, stride=stride, bias=False)
    return nn.Sequential(projection, nn.BatchNorm2d(channels))


@register("resnet18")
def resnet18(*, classes: int, input_shape: Shape) -> nn.Module:
    """ResNet-18 for small images: 11.2 million parameters."""
    return ResNet(BLOCKS[18], classes, input_shape[0])


@register_family(
    "resnetDEPTH[-maxpool]",
    pattern=r"resnet(?P<depth>18|34|50|101|152)(?P<maxpool>-maxpool)?",
    example="resnet50",
    description="ResNet-18, 34, 50, 101 or 152 with a 3x3 stem for small images (kuangliu's "
    "pytorch-cifar); -maxpool keeps the large one's pooling",
)
def resnet(parts: Mapping[str, str], classes: int, input_shape: Shape) -> nn.Module:
    """A ResNet for small images."""
    depth = int(parts["depth"])
    block = Bottleneck if depth >= BOTTLENECKS else ProjectedBlock
    return ResNet(BLOCKS[depth], classes, input_shape[0], block, bool(parts["maxpool"]))


publish_errors(
    "cifar10",
    "README of kuangliu/pytorch-cifar",
    {"resnet18": 6.98, "resnet50": 6.38, "resnet101": 6.25},
)
