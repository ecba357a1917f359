"""Moments as text."""

from __future__ import annotations

from datetime import UTC, datetime


def minute(moment: float | None) -> str:
    """A moment to the minute, UTC, such as ``2026-01-02 03:04``; empty for ``None``.

    Args:
        moment: seconds since 1970.
    """
    return "" if moment is None else datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M")
