"""Running code on files that others have sent, in a child that can do little else."""

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
