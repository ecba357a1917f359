"""Wide residual networks for small images, with pre-activation blocks.

Zagoruyko & Komodakis 2016, "Wide Residual Networks" (arXiv:1605.07146). Keys are those of TRADES'
public code, which most RobustBench checkpoints of this family share.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from torch import Tensor, nn

from models_zoo.architectures.families import blocks_of_depth, number, register_family
from models_zoo.architectures.registry import register
from models_zoo.architectures.shape import Shape
from models_zoo.architectures.usual_accuracy import publish_errors
from models_zoo.errors import InputError

LARGEST = 2_000_000_000
"""Maximum number of parameters of a network."""

DEEPEST, WIDEST = 604, 64
"""Limits on the numbers in a name; published networks have up to 106 layers and width 30."""


class PreActivationBlock(nn.Module):
    """Batch norm and ReLU before each of two 3x3 convolutions.

    Where the number of channels changes, a 1x1 convolution of the activated input is the shortcut;
    elsewhere it is the input itself.
    """

    def __init__(self, channels_in: int, channels: int, stride: int) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(channels_in)
        self.conv1 = nn.Conv2d(channels_in, channels, 3, stride=stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.convShortcut = (
            nn.Conv2d(channels_in, channels, 1, stride=stride, bias=False)
            if channels_in != channels
            else None
        )

    def forward(self, inputs: Tensor) -> Tensor:
        """(N, channels_in, H, W) to (N, channels, H / stride, W / stride)."""
        active = self.bn1(inputs).relu()
        shortcut = inputs if self.convShortcut is None else self.convShortcut(active)
        outputs: Tensor = shortcut + self.conv2(self.bn2(self.conv1(active)).relu())
        return outputs


class Stage(nn.Module):
    """``blocks`` blocks, of which the first changes the channels and has the stride."""

    def __init__(self, blocks: int, channels_in: int, channels: int, stride: int) -> None:
        super().__init__()
        first = PreActivationBlock(channels_in, channels, stride)
        rest = (PreActivationBlock(channels, channels, 1) for _ in range(1, blocks))
        self.layer = nn.Sequential(first, *rest)

    def forward(self, inputs: Tensor) -> Tensor:
        """(N, channels_in, H, W) to (N, channels, H / stride, W / stride)."""
        outputs: Tensor = self.layer(inputs)
        return outputs


class WideResNet(nn.Module):
    """Three stages of 16, 32 and 64 times ``width`` channels.

    Args:
        depth: as papers count it, 6 * n + 4 for n blocks per stage.
        width: factor on the channels of a narrow network.
        classes: number of logits.
        channels: channels of an image.

    Raises:
        InputError: the depth is not 6 * n + 4 with n at least 1.
    """

    unused = ("sub_block1.",)
    """The block that TRADES' code builds and saves but never calls."""

    def __init__(self, depth: int, width: int, classes: int, channels: int) -> None:
        super().__init__()
        blocks = blocks_of_depth(depth, 6, 4)
        widths = [16, 16 * width, 32 * width, 64 * width]
        self.conv1 = nn.Conv2d(channels, widths[0], 3, padding=1, bias=False)
        self.block1 = Stage(blocks, widths[0], widths[1], stride=1)
        self.block2 = Stage(blocks, widths[1], widths[2], stride=2)
        self.block3 = Stage(blocks, widths[2], widths[3], stride=2)
        self.bn1 = nn.BatchNorm2d(widths[3])
        self.fc = nn.Linear(widths[3], classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):  # He et al. 2015, by outputs, as the paper's code
                fan_out = module.kernel_size[0] * module.kernel_size[1] * module.out_channels
                nn.init.normal_(module.weight, std=math.sqrt(2 / fan_out))

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, classes) of normalized ``images`` (N, C, H, W)."""
        hidden = self.block3(self.block2(self.block1(self.conv1(images))))
        logits: Tensor = self.fc(self.bn1(hidden).relu().mean(dim=(2, 3)))
        return logits


@register("wrn-16-4")
def wrn_16_4(*, classes: int, input_shape: Shape) -> nn.Module:
    """WideResNet-16-4: 2.7 million parameters."""
    return WideResNet(16, 4, classes, input_shape[0])


@register("wrn-28-10")
def wrn_28_10(*, classes: int, input_shape: Shape) -> nn.Module:
    """WideResNet-28-10, the large network of the robustness literature: 36.5 million parameters."""
    return WideResNet(28, 10, classes, input_shape[0])


@register("wrn-34-10")
def wrn_34_10(*, classes: int, input_shape: Shape) -> nn.Module:
    """WideResNet-34-10: 46.2 million parameters."""
    return WideResNet(34, 10, classes, input_shape[0])


@register_family(
    "wrn-DEPTH-WIDTH",
    pattern=r"wrn-(?P<depth>[0-9]+)-(?P<width>[0-9]+)",
    example="wrn-40-4",
    description="wide ResNets, DEPTH = 6 n + 4, with the keys of TRADES and RobustBench",
)
def wide_resnet(parts: Mapping[str, str], classes: int, input_shape: Shape) -> nn.Module:
    """A wide ResNet of any depth 6 n + 4 and any width."""
    depth = number(parts, "depth", least=10, most=DEEPEST)
    width = number(parts, "width", most=WIDEST)
    size = blocks_of_depth(depth, 6, 4) * 2 * 9 * (16 * width) ** 2 * (1 + 4 + 16)
    if size > LARGEST:  # building so many layers takes a while, even without storage
        raise InputError(
            f"architecture 'wrn-{depth}-{width}' has {size:,} parameters or more; "
            f"at most {LARGEST:,} are built"
        )
    return WideResNet(depth, width, classes, input_shape[0])


publish_errors("cifar10", "README of szagoruyko/wide-residual-networks", {"wrn-28-10": 4.00})
publish_errors("cifar100", "README of szagoruyko/wide-residual-networks", {"wrn-28-10": 19.25})
