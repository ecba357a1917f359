"""The shape of the images of an architecture."""

from __future__ import annotations

Shape = tuple[int, int, int]
"""(channels, height, width) of one image."""
