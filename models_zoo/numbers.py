"""Parsing numbers as users type them."""

from __future__ import annotations

import math


def number_of(text: str) -> float | None:
    """A finite decimal number, or the quotient of two such as ``8/255``; ``None`` for other texts.

    Not :class:`fractions.Fraction`, which takes hours and all memory for ``"1e999999999"``.

    Args:
        text: spaces in it are ignored.
    """
    above, slash, below = text.replace(" ", "").partition("/")
    try:
        value = float(above) / float(below) if slash else float(above)
    except (ValueError, ZeroDivisionError):
        return None
    return value if math.isfinite(value) else None
