"""Plain multi-layer perceptrons."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from torch import Tensor, nn

from models_zoo.architectures.families import register_family
from models_zoo.architectures.registry import register
from models_zoo.architectures.shape import Shape
from models_zoo.errors import InputError

WIDTH = 256
"""Units of each hidden layer of the architecture ``mlp``."""

LAYERS, WIDEST = 64, 16384
"""Maximum number of hidden layers and of their units."""


class MLP(nn.Module):
    """Hidden ReLU layers without batch norm.

    Args:
        classes: number of logits.
        input_shape: (channels, height, width) of an image.
        hidden: units of each hidden layer.
    """

    def __init__(
        self, classes: int, input_shape: Shape, hidden: Sequence[int] = (WIDTH, WIDTH)
    ) -> None:
        super().__init__()
        widths = [math.prod(input_shape), *hidden, classes]
        self.layers = len(widths) - 1
        for index in range(self.layers):
            self.add_module(f"linear{index + 1}", nn.Linear(widths[index], widths[index + 1]))

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, classes) of normalized ``images`` (N, C, H, W)."""
        hidden = images.flatten(1)
        for index in range(1, self.layers):
            hidden = self.get_submodule(f"linear{index}")(hidden).relu()
        logits: Tensor = self.get_submodule(f"linear{self.layers}")(hidden)
        return logits


@register("mlp")
def mlp(*, classes: int, input_shape: Shape) -> nn.Module:
    """Two hidden layers of 256 ReLU units, for images of any shape."""
    return MLP(classes, input_shape)


def hidden_widths(text: str) -> list[int]:
    """Units of hidden layers, written as ``512-256``.

    Raises:
        InputError: there are too many layers or units.
    """
    parts = text.split("-")
    if len(parts) > LAYERS or any(len(part) > 9 or not 1 <= int(part) <= WIDEST for part in parts):
        raise InputError(
            f"an architecture has up to {LAYERS} hidden layers of 1 to {WIDEST:,} units"
        )
    return [int(part) for part in parts]


@register_family(
    "mlp:WIDTH-WIDTH...",
    pattern=r"mlp:(?P<hidden>[0-9]+(-[0-9]+)*)",
    example="mlp:256-256",
    description="hidden ReLU layers of these widths, no batch norm",
    chain=True,
)
def perceptron(parts: Mapping[str, str], classes: int, input_shape: Shape) -> nn.Module:
    """A perceptron by the widths of its hidden layers."""
    return MLP(classes, input_shape, hidden_widths(parts["hidden"]))
