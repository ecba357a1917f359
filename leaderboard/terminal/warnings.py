"""Warnings: what was left out while the rest of the work continues."""

from __future__ import annotations

from leaderboard.terminal.output import say
from models_zoo.display import printable


def print_warning(text: str) -> None:
    """Print one line on stderr.

    Args:
        text: what was left out and why. Line breaks, control characters and characters that the
            encoding lacks are escaped.
    """
    say(printable(f"warning: {text}"), err=True)
