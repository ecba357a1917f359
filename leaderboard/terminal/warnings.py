"""Lines that say what was left out while the rest of the work goes on."""

from __future__ import annotations

from leaderboard.terminal.output import say
from models_zoo.display import printable


def notice(text: str) -> None:
    """Write one line to stderr.

    Args:
        text: what was left out and why. Names in it may be anybody's: what would break the line or
            steer a terminal, and what its encoding lacks, is escaped.
    """
    say(printable(f"warning: {text}"), err=True)
