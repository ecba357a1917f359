"""Lengths and classes of the data sets of texts."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TextSet:
    """The texts of a data set as its models take them.

    Attributes:
        length: token ids of a text, with those of the padding.
        classes: number of classes.
    """

    length: int
    classes: int

    @property
    def input_shape(self) -> tuple[int]:
        """(length,) of a text."""
        return (self.length,)

    def takes(self, shape: tuple[int, ...]) -> bool:
        """Whether texts of a shape (length,) may be of this data set."""
        return shape == self.input_shape


TEXT_SETS = {"movies": TextSet(48, 2), "spam": TextSet(128, 2)}
"""Data sets by the name that cards and batteries use."""
