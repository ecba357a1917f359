"""Gaussian noise on the input of any network of this package: a randomized defense.

The names and shapes of the weights are those of the network itself, so that its checkpoints fit.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from models_zoo.architectures.families import register_family
from models_zoo.architectures.registry import build_architecture, is_architecture
from models_zoo.architectures.shape import Shape
from models_zoo.errors import InputError, shown

PREFIX = "noise-"
"""How the names of this family begin."""


class GaussianNoise:
    """A hook before the forward pass that adds noise to the input, in train and in eval mode.

    The numbers are drawn separately for every image, from the global generator of the device.

    Args:
        deviation: of the noise, in units of the normalized input.
    """

    def __init__(self, deviation: float) -> None:
        self.deviation = deviation

    def __call__(self, module: nn.Module, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
        """The arguments with noise on the first."""
        images, *others = arguments
        return (images + self.deviation * torch.randn_like(images), *others)


@register_family(
    "noise-DEVIATION:NAME",
    pattern=r"noise-(?P<deviation>[0-9]\.[0-9]{1,4}):(?P<network>.+)",
    example="noise-0.25:mlp",
    description="a network of this package with Gaussian noise of this deviation on its normalized "
    "input, drawn in every pass",
    random=True,
)
def noisy(parts: Mapping[str, str], classes: int, input_shape: Shape) -> nn.Module:
    """A network with noise on its input."""
    name = parts["network"]
    if name.startswith(PREFIX) or not is_architecture(name):
        raise InputError(
            f"noise is put on a network of this package, such as noise-0.25:mlp, got {shown(name)}"
        )
    network = build_architecture(name, classes=classes, input_shape=input_shape)
    network.register_forward_pre_hook(GaussianNoise(float(parts["deviation"])))
    return network
