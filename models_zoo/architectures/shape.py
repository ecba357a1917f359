"""What an architecture is told of its images."""

from __future__ import annotations

Shape = tuple[int, int, int]
"""(channels, height, width) of one image."""
