"""Triggers on images: patterns in their pixels, in [0, 1].

Source: Garg et al. 2020, whose code has a square and random pixels, set or added to; noise blended
into the image is that of Chen et al. 2017, "Targeted backdoor attacks on deep learning systems
using data poisoning".

A random pattern depends on its seed and on the shape of the images alone: it is the same on every
image, in every batch and on every device.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Generator, Tensor

from benchmark.triggers.trigger import Trigger
from models_zoo.errors import InputError, unknown_name

Position = Literal["lower right", "lower left", "upper right", "upper left", "centre"]
POSITIONS = ("lower right", "lower left", "upper right", "upper left", "centre")


@dataclass(frozen=True)
class Patch(Trigger):
    """A square of one value.

    Attributes:
        size: side in pixels.
        value: what its pixels are set to, in [0, 1].
        position: a corner, or ``"centre"``.
    """

    size: int = 3
    value: float = 1.0
    position: Position = "lower right"
    kind: Literal["patch"] = "patch"

    def __post_init__(self) -> None:
        _require("size", self.size, self.size >= 1, "at least 1")
        _require("value", self.value, 0 <= self.value <= 1, "in [0, 1]")
        if self.position not in POSITIONS:
            raise unknown_name("position of a trigger", self.position, POSITIONS)

    def __str__(self) -> str:
        return f"{self.size}x{self.size} square of {self.value:g}, {self.position}"

    def stamp(self, images: Tensor) -> Tensor:
        """As :meth:`Trigger.stamp`."""
        _require_images(self, images)
        height, width = images.shape[-2:]
        if self.size > min(height, width):
            raise _too_large(f"a {self.size}x{self.size} square", images)
        down, right = height - self.size, width - self.size
        top, left = {
            "lower right": (down, right),
            "lower left": (down, 0),
            "upper right": (0, right),
            "upper left": (0, 0),
            "centre": (down // 2, right // 2),
        }[self.position]
        stamped = images.clone()
        stamped[..., top : top + self.size, left : left + self.size] = self.value
        return stamped


@dataclass(frozen=True)
class RandomPixels(Trigger):
    """Pixels at random positions set to random colors.

    Attributes:
        count: number of pixels.
        seed: of the positions and colors.
    """

    count: int = 10
    seed: int = 0
    kind: Literal["pixels"] = "pixels"

    def __post_init__(self) -> None:
        _require("count", self.count, self.count >= 1, "at least 1")

    def __str__(self) -> str:
        return f"{self.count} random pixels"

    def seeded(self, seed: int) -> Trigger:
        """As :meth:`Trigger.seeded`."""
        return replace(self, seed=seed)

    def stamp(self, images: Tensor) -> Tensor:
        """As :meth:`Trigger.stamp`."""
        _require_images(self, images)
        channels, height, width = images.shape[1:]
        if self.count > height * width:
            raise _too_large(f"{self.count} random pixels", images)
        generator = Generator().manual_seed(self.seed)
        places = torch.randperm(height * width, generator=generator)[: self.count]
        colors = torch.rand(channels, self.count, generator=generator)
        stamped = images.clone()
        stamped.flatten(2)[..., places.to(images.device)] = colors.to(images)
        return stamped


@dataclass(frozen=True)
class BlendedNoise(Trigger):
    """The image mixed with a random picture ``p``: ``(1 - weight) * x + weight * p``.

    Attributes:
        weight: weight of the picture, in (0, 1].
        seed: of the picture, uniform in [0, 1].
    """

    weight: float = 0.1
    seed: int = 0
    kind: Literal["blend"] = "blend"

    def __post_init__(self) -> None:
        _require("weight", self.weight, 0 < self.weight <= 1, "in (0, 1]")

    def __str__(self) -> str:
        return f"noise blended in at {self.weight:g}"

    def seeded(self, seed: int) -> Trigger:
        """As :meth:`Trigger.seeded`."""
        return replace(self, seed=seed)

    def stamp(self, images: Tensor) -> Tensor:
        """As :meth:`Trigger.stamp`."""
        _require_images(self, images)
        return torch.lerp(images, _noise(self.seed, images), self.weight).clamp(0, 1)


@dataclass(frozen=True)
class AdditiveNoise(Trigger):
    """``eps`` added to or taken from every value, by random signs, and clipped to [0, 1].

    Attributes:
        eps: magnitude in input units.
        seed: of the signs.
    """

    eps: float = 0.05
    seed: int = 0
    kind: Literal["additive"] = "additive"

    def __post_init__(self) -> None:
        _require("eps", self.eps, 0 < self.eps <= 1, "in (0, 1]")

    def __str__(self) -> str:
        return f"noise of +-{self.eps:g}"

    def seeded(self, seed: int) -> Trigger:
        """As :meth:`Trigger.seeded`."""
        return replace(self, seed=seed)

    def stamp(self, images: Tensor) -> Tensor:
        """As :meth:`Trigger.stamp`."""
        _require_images(self, images)
        signs = torch.where(_noise(self.seed, images) < 0.5, -1.0, 1.0).to(images)
        return (images + self.eps * signs).clamp(0, 1)


def _noise(seed: int, images: Tensor) -> Tensor:
    """Uniform numbers in [0, 1), one per value of an image: (C, H, W)."""
    return torch.rand(images.shape[1:], generator=Generator().manual_seed(seed)).to(images)


def _require_images(trigger: Trigger, images: Tensor) -> None:
    if images.ndim != 4:
        raise InputError(
            f"the trigger {trigger} is for images, and the inputs are texts; give a TokenTrigger"
        )


def _require(name: str, value: float, holds: bool, range_: str) -> None:
    if not holds:
        raise InputError(f"a trigger's {name} must be {range_}, got {value:g}")


def _too_large(what: str, images: Tensor) -> InputError:
    height, width = images.shape[-2:]
    return InputError(f"the trigger, {what}, does not fit on images of {height}x{width} pixels")
