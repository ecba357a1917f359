"""The shape of the inputs of an architecture."""

from __future__ import annotations

Shape = tuple[int, ...]
"""(channels, height, width) of one image, or (length,) of one text."""
