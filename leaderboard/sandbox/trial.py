"""Trying a level once, in a child: what is installed need not work."""

from __future__ import annotations

from leaderboard.sandbox import bubblewrap
from leaderboard.sandbox.child import start
from leaderboard.sandbox.conversation import Conversation
from leaderboard.sandbox.errors import Crashed, SandboxError
from leaderboard.sandbox.level import Level
from leaderboard.sandbox.limits import GIB, Limits
from models_zoo.errors import reason_of

_LIMITS = Limits(memory=GIB, seconds=30.0)


def try_level(level: Level) -> str | None:
    """Why a level cannot be used here, in one line; ``None`` if a child in it has answered."""
    if level == Level.BUBBLEWRAP and bubblewrap.program() is None:
        return "bubblewrap is not installed"
    try:
        conversation = Conversation(start(level, files={}, limits=_LIMITS))
    except OSError as error:
        return reason_of(error)
    try:
        conversation.set_up()
    except SandboxError as error:
        said = error.stderr.strip().splitlines() if isinstance(error, Crashed) else []
        return reason_of(ValueError(said[-1])) if said else str(error)
    finally:
        conversation.close()
    return None
