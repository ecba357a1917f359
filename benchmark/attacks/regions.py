"""Which part of an image a regional attack may change.

The full image, centre squares, frames and random pixels are those of Ozbulak et al. 2020. Salient
pixels are an extension of this project: the paper's regions do not depend on any model.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Literal

import torch
from torch import Tensor

from benchmark.image_gradients import image_gradient
from benchmark.objectives import cross_entropy
from benchmark.subject import Subject
from models_zoo.errors import InputError

Kind = Literal["full", "centre", "frame", "random", "saliency"]


@dataclass(frozen=True)
class Shape:
    """A kind of region and its size.

    Attributes:
        kind: ``"full"``, ``"centre"``, ``"frame"``, ``"random"`` or ``"saliency"``.
        size: edge of the centre square, width of the frame, or number of pixels; 0 for the full
            image.
    """

    kind: Kind
    size: int = 0

    @property
    def name(self) -> str:
        """Such as ``centre-4``."""
        return f"{self.kind}-{self.size}" if self.size else self.kind

    def pixels(self, height: int, width: int) -> int:
        """How many pixels of an image may change.

        Raises:
            InputError: the size does not leave a pixel of such images unchanged.
        """
        if self.kind == "full":
            return height * width
        count = {
            "centre": self.size**2,
            "frame": height * width - (height - 2 * self.size) * (width - 2 * self.size),
        }.get(self.kind, self.size)
        reach = {"centre": self.size, "frame": 2 * self.size}.get(self.kind, 1)
        if reach > min(height, width) or not 0 < count < height * width:
            raise InputError(
                f"region {self.name} does not fit images of {height} x {width} pixels; "
                "choose a smaller size"
            )
        return count


FULL = Shape("full")
"""The reference: the unrestricted attack."""


def region_masks(generator: Subject, aims: Tensor, shape: Shape) -> Tensor:
    """Pixels that may change, bool (N, 1, H, W), the same number in every image.

    Random pixels depend on the seed and on no model, so that they are the same whichever one the
    examples are made on, and those of a small region lie within those of a larger one.

    Args:
        generator: the model that examples are made on, with the N images; salience is its.
        aims: target classes (N,), for salience.
        shape: kind and size.

    Raises:
        InputError: the size does not fit the images.
    """
    count, _, height, width = generator.images.shape
    pixels = shape.pixels(height, width)
    if shape.kind == "full":
        mask = torch.ones(1, height, width, dtype=torch.bool)
    elif shape.kind == "centre":
        mask = _square(height, width, shape.size, shape.size)
    elif shape.kind == "frame":
        mask = ~_square(height, width, height - 2 * shape.size, width - 2 * shape.size)
    else:
        order = torch.rand(count, height * width, generator=generator.generator("random region"))
        if shape.kind == "saliency":
            order = _salience(generator, aims)
        chosen = order.argsort(dim=1, descending=True, stable=True)[:, :pixels]
        flat = torch.zeros_like(order, dtype=torch.bool).scatter(1, chosen, value=True)
        mask = flat.view(count, 1, height, width)
    return mask.to(generator.images.device).expand(count, 1, height, width)


def _square(height: int, width: int, rows: int, columns: int) -> Tensor:
    """A rectangle in the middle, (1, H, W); half a pixel up and left where it cannot be."""
    mask = torch.zeros(1, height, width, dtype=torch.bool)
    top, left = (height - rows) // 2, (width - columns) // 2
    mask[:, top : top + rows, left : left + columns] = True
    return mask


def _salience(generator: Subject, aims: Tensor) -> Tensor:
    """``sum over channels |d CE(z, aim) / d x|`` at the clean images, (N, H * W)."""
    gradient = aim_gradient(generator, generator.images, aims)[1]
    return gradient.abs().sum(1).flatten(1)


def aim_gradient(subject: Subject, images: Tensor, aims: Tensor) -> tuple[Tensor, Tensor]:
    """Logits (N, K), and the gradient (N, C, H, W) of the cross-entropy to classes to aim at.

    Args:
        subject: the model.
        images: (N, C, H, W).
        aims: target classes (N,).
    """
    logits, gradients = [], []
    size = subject.batch_size
    for part, classes in zip(torch.split(images, size), torch.split(aims, size), strict=True):
        found, _, gradient = image_gradient(subject, part, partial(cross_entropy, labels=classes))
        logits.append(found)
        gradients.append(gradient)
    return torch.cat(logits), torch.cat(gradients)
