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


TEXT_SETS = {"movies": TextSet(48, 2)}
"""Data sets by the name that cards and batteries use."""
