"""Shapes and classes of common data sets, for checkpoints that do not state them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ImageSet:
    """The images of a data set as its models take them.

    Attributes:
        input_shape: (channels, height, width) of an image.
        classes: number of classes.
        any_size: whether models take images of other heights and widths, too.
    """

    input_shape: tuple[int, int, int]
    classes: int
    any_size: bool = False

    def takes(self, shape: tuple[int, ...]) -> bool:
        """Whether images of a shape (channels, height, width) may be of this data set."""
        return shape == self.input_shape or (
            self.any_size and len(shape) == 3 and shape[0] == self.input_shape[0]
        )


IMAGE_SETS = {
    "digits": ImageSet((1, 8, 8), 10),
    "mnist": ImageSet((1, 28, 28), 10),
    "fashion-mnist": ImageSet((1, 28, 28), 10),
    "cifar10": ImageSet((3, 32, 32), 10),
    "cifar100": ImageSet((3, 32, 32), 100),
    "svhn": ImageSet((3, 32, 32), 10),
    "imagenet": ImageSet((3, 224, 224), 1000, any_size=True),
}
"""Data sets by the name that cards and batteries use."""
