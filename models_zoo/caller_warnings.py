"""Warnings that name the caller's line, however deep inside the packages they are raised."""

from __future__ import annotations

import sys
import warnings

PACKAGES = ("models_zoo", "benchmark", "leaderboard", "nonsingular")
"""Packages whose lines are not the caller's."""


def warn_caller(text: str) -> None:
    """Issue a :class:`UserWarning` at the first line outside :data:`PACKAGES`.

    Args:
        text: what is doubtful, in one line.
    """
    frame, depth = sys._getframe(1), 2
    while frame.f_back is not None and _own(frame.f_globals.get("__name__", "")):
        frame, depth = frame.f_back, depth + 1
    warnings.warn(text, UserWarning, stacklevel=depth)


def _own(module: str) -> bool:
    return module.partition(".")[0] in PACKAGES
