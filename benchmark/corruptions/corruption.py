"""What every corruption is: a name, five severities with their constants, and a function."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Generic, Literal, TypeVar, final

from benchmark.corruptions.draws import Generators
from benchmark.corruptions.pixels import Bytes

L = TypeVar("L")
"""The constants of one severity."""

Family = Literal["noise", "blur", "weather", "digital"]
"""The families of Hendrycks and Dietterich 2019."""

SEVERITIES = (1, 2, 3, 4, 5)

CIFAR_C = "Hendrycks & Dietterich 2019, constants of make_cifar_c.py"
"""The source of definitions and constants."""


class Corruption(ABC, Generic[L]):
    """A corruption of images at five severities.

    Attributes:
        name: its name in files and scores, as in CIFAR-10-C.
        title: a few words for headings.
        family: its family.
        description: what it does, in one sentence.
        constants: what the numbers of a level mean, in their order.
        levels: constants of the severities 1 to 5, for images of 32 x 32 pixels.
        source: where the definition and the constants are from, and what differs.
        least_side: smallest side of an image, in pixels, at which it changes anything that could be
            called by its name.
        needs_color: whether it is defined for 3 channels only.
        unordered: why a higher severity need not change images more, by mean squared change; empty
            if it does.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    family: ClassVar[Family]
    description: ClassVar[str]
    constants: ClassVar[str]
    levels: tuple[L, L, L, L, L]
    source: ClassVar[str] = CIFAR_C
    least_side: ClassVar[int] = 1
    needs_color: ClassVar[bool] = False
    unordered: ClassVar[str] = ""

    @final
    def __call__(self, images: Bytes, severity: int, each: Generators) -> Bytes:
        """Corrupt images, which are not changed themselves.

        Args:
            images: uint8 (B, C, H, W).
            severity: 1 to 5.
            each: a generator per image.

        Returns:
            uint8 (B, C, H, W).
        """
        return self.corrupt(images, self.levels[severity - 1], each)

    @abstractmethod
    def corrupt(self, images: Bytes, level: L, each: Generators) -> Bytes:
        """Corrupt images with the constants of one severity; the rest as in :meth:`__call__`."""

    def applies(self, channels: int, height: int, width: int) -> bool:
        """Whether it is defined for images of a shape."""
        return min(height, width) >= self.least_side and not (self.needs_color and channels != 3)


AnyCorruption = Corruption[Any]
