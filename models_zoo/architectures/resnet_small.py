"""The two-block residual network without batch norm of the verification literature, ResNet-2B."""

from __future__ import annotations

from torch import Tensor, nn

from models_zoo.architectures.registry import register
from models_zoo.architectures.shape import Shape


class PlainBlock(nn.Module):
    """Two 3x3 convolutions with biases and no batch norm; a 1x1 shortcut where shapes change."""

    def __init__(self, channels_in: int, channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels, 3, stride=stride, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        same = stride == 1 and channels_in == channels
        self.shortcut = nn.Sequential(
            *([] if same else [nn.Conv2d(channels_in, channels, 1, stride=stride)])
        )

    def forward(self, inputs: Tensor) -> Tensor:
        """(N, channels_in, H, W) to (N, channels, H / stride, W / stride)."""
        hidden = self.conv2(self.conv1(inputs).relu())
        outputs: Tensor = (hidden + self.shortcut(inputs)).relu()
        return outputs


class ResNet2B(nn.Module):
    """ResNet-2B as published with alpha-beta-CROWN (Wang et al. 2021, arXiv:2103.06624).

    Args:
        classes: number of logits.
        input_shape: (channels, height, width) of an image.
    """

    def __init__(self, classes: int, input_shape: Shape) -> None:
        super().__init__()
        channels, height, width = input_shape
        cells = ((height + 3) // 4) * ((width + 3) // 4)
        self.conv1 = nn.Conv2d(channels, 8, 3, stride=2, padding=1)
        self.layer1 = nn.Sequential(PlainBlock(8, 16, 2), PlainBlock(16, 16, 1))
        self.linear1 = nn.Linear(16 * cells, 100)
        self.linear2 = nn.Linear(100, classes)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, classes) of normalized ``images`` (N, C, H, W)."""
        hidden = self.layer1(self.conv1(images).relu())
        logits: Tensor = self.linear2(self.linear1(hidden.flatten(1)).relu())
        return logits


@register("cifar-resnet2b")
def cifar_resnet2b(*, classes: int, input_shape: Shape) -> nn.Module:
    """ResNet-2B: 0.11 million parameters, no batch norm."""
    return ResNet2B(classes, input_shape)
