"""ResNets with pre-activation blocks, for small images.

He et al. 2016, "Identity Mappings in Deep Residual Networks" (arXiv:1603.05027). Keys are those of
kuangliu's pytorch-cifar. Public code differs in two places that change the function: whether batch
norm comes before the classifier (as for Rice et al. 2020 and Wong et al. 2020, but not kuangliu and
TRADES), which the keys show, and whether the input of a projection is the activated or the raw one
(RobustBench's networks), which they do not show.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import torch.nn.functional as F
from torch import Tensor, nn

from models_zoo.architectures.families import blocks_of_depth, number, register_family
from models_zoo.architectures.resnet import BLOCKS, BOTTLENECKS
from models_zoo.architectures.shape import Shape
from models_zoo.architectures.usual_accuracy import publish_errors

DEEPEST = 1202
"""Number of layers of the deepest network for CIFAR."""

Shortcut = Literal["activated", "raw", "padded"]
"""Shortcuts where the shape changes: a projection of the activated or of the raw input, or every
second pixel of the input with added channels of zeros."""


class PreActivation(nn.Module):
    """Batch norm and ReLU before each of two or three convolutions; no batch norm in the shortcut.

    Args:
        channels_in: channels of the input.
        channels: channels inside; a bottleneck ends in four times as many.
        stride: of the block.
        bottleneck: whether the block has 1x1, 3x3 and 1x1 convolutions instead of two 3x3.
        shortcut: kind of shortcut where the shape changes.
    """

    def __init__(
        self, channels_in: int, channels: int, stride: int, bottleneck: bool, shortcut: Shortcut
    ) -> None:
        super().__init__()
        out = 4 * channels if bottleneck else channels
        self.bn1 = nn.BatchNorm2d(channels_in)
        if bottleneck:
            self.conv1 = nn.Conv2d(channels_in, channels, 1, bias=False)
            self.bn2 = nn.BatchNorm2d(channels)
            self.conv2 = nn.Conv2d(channels, channels, 3, stride=stride, padding=1, bias=False)
            self.bn3 = nn.BatchNorm2d(channels)
            self.conv3 = nn.Conv2d(channels, out, 1, bias=False)
        else:
            self.conv1 = nn.Conv2d(channels_in, channels, 3, stride=stride, padding=1, bias=False)
            self.bn2 = nn.BatchNorm2d(channels)
            self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bottleneck, self.stride, self.kind = bottleneck, stride, shortcut
        self.padding = (out - channels_in) // 2
        self.shortcut: nn.Module | None = None
        if shortcut != "padded" and (stride != 1 or channels_in != out):
            self.shortcut = nn.Sequential(nn.Conv2d(channels_in, out, 1, stride=stride, bias=False))

    def forward(self, inputs: Tensor) -> Tensor:
        """(N, channels_in, H, W) to (N, channels out, H / stride, W / stride)."""
        active = self.bn1(inputs).relu()
        if self.shortcut is not None:
            shortcut = self.shortcut(active if self.kind == "activated" else inputs)
        else:
            shortcut = inputs[:, :, :: self.stride, :: self.stride]
            shortcut = F.pad(shortcut, (0, 0, 0, 0, self.padding, self.padding))
        hidden = self.conv2(self.bn2(self.conv1(active)).relu())
        if self.bottleneck:
            hidden = self.conv3(self.bn3(hidden).relu())
        outputs: Tensor = hidden + shortcut
        return outputs


class PreActResNet(nn.Module):
    """Stages of pre-activation blocks, each with twice the channels of the one before.

    Args:
        blocks: blocks of each stage.
        first: channels of the first stage.
        classes: number of logits.
        channels: channels of an image.
        bottleneck: whether blocks are bottlenecks.
        shortcut: of the blocks.
        norm: whether batch norm and ReLU come before the classifier.
    """

    def __init__(
        self,
        blocks: tuple[int, ...],
        first: int,
        classes: int,
        channels: int,
        *,
        bottleneck: bool = False,
        shortcut: Shortcut = "activated",
        norm: bool = False,
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, first, 3, padding=1, bias=False)
        width, inside = first, first
        for stage, count in enumerate(blocks):
            layers = []
            for index in range(count):
                stride = 2 if stage and not index else 1
                layers.append(PreActivation(width, inside, stride, bottleneck, shortcut))
                width = 4 * inside if bottleneck else inside
            self.add_module(f"layer{stage + 1}", nn.Sequential(*layers))
            inside *= 2
        self.stages = len(blocks)
        self.bn = nn.BatchNorm2d(width) if norm else None
        self.linear = nn.Linear(width, classes)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, classes) of normalized ``images`` (N, C, H, W)."""
        hidden = self.conv1(images)
        for stage in range(self.stages):
            hidden = self.get_submodule(f"layer{stage + 1}")(hidden)
        if self.bn is not None:
            hidden = self.bn(hidden).relu()
        logits: Tensor = self.linear(hidden.mean(dim=(2, 3)))
        return logits


@register_family(
    "preact-resnetDEPTH[-bn][-raw]",
    pattern=r"preact-resnet(?P<depth>18|34|50|101|152)(?P<norm>-bn)?(?P<raw>-raw)?",
    example="preact-resnet18",
    description="pre-activation ResNet-18 to 152 (kuangliu, TRADES); -bn with batch norm before "
    "the classifier (Rice et al. 2020); -raw where projections see the raw input (RobustBench)",
)
def preact_resnet(parts: Mapping[str, str], classes: int, input_shape: Shape) -> nn.Module:
    """A pre-activation ResNet of four stages."""
    depth = int(parts["depth"])
    return PreActResNet(
        BLOCKS[depth],
        64,
        classes,
        input_shape[0],
        bottleneck=depth >= BOTTLENECKS,
        shortcut="raw" if parts["raw"] else "activated",
        norm=bool(parts["norm"]),
    )


@register_family(
    "cifar-preact-resnetDEPTH[-b]",
    pattern=r"cifar-preact-resnet(?P<depth>[0-9]+)(?P<option>-[ab])?",
    example="cifar-preact-resnet20",
    description="three stages of 16, 32 and 64 channels, DEPTH = 6 n + 2, batch norm before the "
    "classifier; shortcuts of option A or, with -b, B",
)
def cifar_preact_resnet(parts: Mapping[str, str], classes: int, input_shape: Shape) -> nn.Module:
    """A pre-activation CIFAR ResNet of any depth 6 n + 2."""
    depth = number(parts, "depth", least=8, most=DEEPEST)
    blocks = (blocks_of_depth(depth, 6, 2),) * 3
    shortcut: Shortcut = "activated" if parts["option"] == "-b" else "padded"
    return PreActResNet(blocks, 16, classes, input_shape[0], shortcut=shortcut, norm=True)


publish_errors("cifar10", "README of kuangliu/pytorch-cifar", {"preact-resnet18": 4.89})
