"""The parts of an image that a regional attack may change.

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
        """Number of pixels of an image that may change.

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


def region_masks(source: Subject, target_classes: Tensor, shape: Shape) -> Tensor:
    """Pixels that may change, bool (N, 1, H, W), the same number in every image.

    Random pixels depend on the seed and not on the model, so that they are the same for all source
    models, and those of a small region are part of those of a larger one.

    Args:
        source: the source model, which gives the saliency, with the N images.
        target_classes: target classes (N,), for the saliency.
        shape: kind and size.

    Raises:
        InputError: the size does not fit the images.
    """
    count, _, height, width = source.images.shape
    pixels = shape.pixels(height, width)
    if shape.kind == "full":
        mask = torch.ones(1, height, width, dtype=torch.bool)
    elif shape.kind == "centre":
        mask = _square(height, width, shape.size, shape.size)
    elif shape.kind == "frame":
        mask = ~_square(height, width, height - 2 * shape.size, width - 2 * shape.size)
    else:
        order = torch.rand(count, height * width, generator=source.generator("random region"))
        if shape.kind == "saliency":
            order = _salience(source, target_classes)
        chosen = order.argsort(dim=1, descending=True, stable=True)[:, :pixels]
        flat = torch.zeros_like(order, dtype=torch.bool).scatter(1, chosen, value=True)
        mask = flat.view(count, 1, height, width)
    return mask.to(source.images.device).expand(count, 1, height, width)


def _square(height: int, width: int, rows: int, columns: int) -> Tensor:
    """A centered rectangle (1, H, W), half a pixel up and left of the center if need be."""
    mask = torch.zeros(1, height, width, dtype=torch.bool)
    top, left = (height - rows) // 2, (width - columns) // 2
    mask[:, top : top + rows, left : left + columns] = True
    return mask


def _salience(source: Subject, target_classes: Tensor) -> Tensor:
    """``sum over channels |d CE(z, aim) / d x|`` at the clean images, (N, H * W)."""
    gradient = target_class_gradient(source, source.images, target_classes)[1]
    return gradient.abs().sum(1).flatten(1)


def target_class_gradient(
    subject: Subject, images: Tensor, target_classes: Tensor
) -> tuple[Tensor, Tensor]:
    """Logits (N, K), and the gradient (N, C, H, W) of the cross-entropy to target classes.

    Args:
        subject: the model.
        images: (N, C, H, W).
        target_classes: target classes (N,).
    """
    logits, gradients = [], []
    size = subject.batch_size
    for part, classes in zip(
        torch.split(images, size), torch.split(target_classes, size), strict=True
    ):
        found, _, gradient = image_gradient(subject, part, partial(cross_entropy, labels=classes))
        logits.append(found)
        gradients.append(gradient)
    return torch.cat(logits), torch.cat(gradients)
