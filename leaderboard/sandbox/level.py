"""How well a child is isolated: three levels, and which of them this machine has."""

from __future__ import annotations

import os
import threading
from enum import StrEnum
from typing import Final

VARIABLE = "NONSINGULAR_SANDBOX"
"""Environment variable with a level; a higher one is not used."""


class Level(StrEnum):
    """How well a child is isolated; later ones isolate better, and levels compare by that."""

    LIMITS = "limits"
    LANDLOCK = "landlock"
    BUBBLEWRAP = "bubblewrap"

    @property
    def description(self) -> str:
        """What it keeps a child from, in one line."""
        return _DESCRIPTIONS[self]

    @property
    def _place(self) -> int:
        return list(Level).index(self)

    def __lt__(self, other: str) -> bool:
        """Whether it isolates less."""
        return self._place < Level(other)._place

    def __le__(self, other: str) -> bool:
        """Whether it isolates as well or less."""
        return self._place <= Level(other)._place

    def __gt__(self, other: str) -> bool:
        """Whether it isolates better."""
        return self._place > Level(other)._place

    def __ge__(self, other: str) -> bool:
        """Whether it isolates as well or better."""
        return self._place >= Level(other)._place


_DESCRIPTIONS: Final = {
    Level.LIMITS: "memory, time and file sizes are limited, and the environment is empty; "
    "files and the network can be reached",
    Level.LANDLOCK: "no network; files outside a private folder can neither be read nor written; "
    "no signal to other processes; memory, time and file sizes are limited",
    Level.BUBBLEWRAP: "no network; sees only its own files, processes and users, and writes only "
    "to a temporary folder in memory; memory, time and file sizes are limited",
}

_found: dict[Level, str | None] = {}
"""What was found out in this process: by level, why it cannot be used, or ``None`` if it can."""

_lock = threading.Lock()


def find_level() -> Level:
    """The best level of this machine, or the one that :data:`VARIABLE` names if that is lower.

    Each level is tried once per process, in a child: a program that is installed but may not create
    namespaces, as in many containers, counts as missing.

    Raises:
        InputError: the variable names no level.
    """
    highest = _named()
    for level in sorted(Level, reverse=True):
        if level <= highest and why_not(level) is None:
            return level
    return Level.LIMITS


def why_not(level: Level) -> str | None:
    """Why a level cannot be used here, in one line; ``None`` if it can.

    Args:
        level: is tried if it was not yet in this process.
    """
    with _lock:
        if level not in _found:
            from leaderboard.sandbox.trial import try_level

            _found[level] = try_level(level)
        return _found[level]


def _named() -> Level:
    name = os.environ.get(VARIABLE, "").strip()
    if not name:
        return max(Level)
    if name not in list(Level):
        from models_zoo.errors import unknown_name

        raise unknown_name(f"level in {VARIABLE}", name, Level)
    return Level(name)


def require(level: Level | None) -> Level:
    """The level to use.

    Args:
        level: a level that is wanted; ``None`` for the best.

    Raises:
        InputError: this machine does not have it.
    """
    if level is None:
        return find_level()
    reason = why_not(level)
    if reason is not None:
        from models_zoo.errors import InputError  # takes longer to import than a child to start

        raise InputError(
            f"the sandbox level {level.value!r} cannot be used here: {reason}; "
            f"use {find_level().value!r}"
        )
    return level
