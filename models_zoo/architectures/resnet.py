"""ResNet-18 in its CIFAR variant: a 3x3 stem, four stages, 1x1 projection shortcuts.

He et al. 2016 (arXiv:1512.03385), with the changes for small images that most CIFAR checkpoints
share. Keys are those of AutoAttack's example checkpoint.
"""

from __future__ import annotations

from torch import Tensor, nn

from models_zoo.architectures.registry import Shape, register


class ProjectedBlock(nn.Module):
    """Two 3x3 convolutions with batch norm; a 1x1 projection where shapes change (option B)."""

    def __init__(self, channels_in: int, channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.shortcut = nn.Sequential()
        if stride != 1 or channels_in != channels:
            projection = nn.Conv2d(channels_in, channels, 1, stride=stride, bias=False)
            self.shortcut = nn.Sequential(projection, nn.BatchNorm2d(channels))

    def forward(self, inputs: Tensor) -> Tensor:
        """(N, channels_in, H, W) to (N, channels, H / stride, W / stride)."""
        hidden = self.bn1(self.conv1(inputs)).relu()
        outputs: Tensor = (self.bn2(self.conv2(hidden)) + self.shortcut(inputs)).relu()
        return outputs


class ResNet(nn.Module):
    """Four stages of 64, 128, 256 and 512 channels.

    Args:
        blocks: blocks a stage.
        classes: number of logits.
        channels: channels of an image.
    """

    def __init__(self, blocks: tuple[int, int, int, int], classes: int, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 64, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.layer1 = self._stage(blocks[0], 64, 64, stride=1)
        self.layer2 = self._stage(blocks[1], 64, 128, stride=2)
        self.layer3 = self._stage(blocks[2], 128, 256, stride=2)
        self.layer4 = self._stage(blocks[3], 256, 512, stride=2)
        self.linear = nn.Linear(512, classes)

    @staticmethod
    def _stage(blocks: int, channels_in: int, channels: int, stride: int) -> nn.Sequential:
        first = ProjectedBlock(channels_in, channels, stride)
        return nn.Sequential(
            first, *(ProjectedBlock(channels, channels, 1) for _ in range(1, blocks))
        )

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, classes) of normalised ``images`` (N, C, H, W)."""
        hidden = self.layer1(self.bn1(self.conv1(images)).relu())
        hidden = self.layer4(self.layer3(self.layer2(hidden)))
        logits: Tensor = self.linear(hidden.mean(dim=(2, 3)))
        return logits


@register("resnet18")
def resnet18(*, classes: int, input_shape: Shape) -> nn.Module:
    """ResNet-18 for small images: 11.2 million parameters."""
    return ResNet((2, 2, 2, 2), classes, input_shape[0])
