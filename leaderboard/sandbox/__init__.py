"""Running code on files that others have sent, in a child that can do little else.

Names are resolved on first use: the child imports less than its parent.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from leaderboard.sandbox.errors import (
        Crashed,
        Failed,
        OutOfMemory,
        OutOfTime,
        SandboxError,
        TooMuchOutput,
    )
    from leaderboard.sandbox.level import Level, find_level
    from leaderboard.sandbox.limits import SCORING, VALIDATION, Limits
    from leaderboard.sandbox.worker import SandboxedWorker, run_sandboxed

__all__ = [
    "SCORING",
    "VALIDATION",
    "Crashed",
    "Failed",
    "Level",
    "Limits",
    "OutOfMemory",
    "OutOfTime",
    "SandboxError",
    "SandboxedWorker",
    "TooMuchOutput",
    "find_level",
    "run_sandboxed",
]

_HOMES = {
    "errors": (
        "Crashed",
        "Failed",
        "OutOfMemory",
        "OutOfTime",
        "SandboxError",
        "TooMuchOutput",
    ),
    "level": ("Level", "find_level"),
    "limits": ("SCORING", "VALIDATION", "Limits"),
    "worker": ("SandboxedWorker", "run_sandboxed"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    """The public object ``name``, imported from its module on first use."""
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
