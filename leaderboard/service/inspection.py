"""Checking a file in the sandbox, and what follows where the child fails instead of answering."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from leaderboard.jobs.check import TARGET
from leaderboard.sandbox import (
    VALIDATION,
    Crashed,
    Failed,
    Level,
    OutOfMemory,
    OutOfTime,
    SandboxError,
    TooMuchOutput,
    find_level,
    run_sandboxed,
)
from leaderboard.service.checker import Inspect, UncheckableError

LIMITS = replace(VALIDATION, seconds=300.0)
"""Of the child: as for checks on the submitter's machine, with time for the images of a large
network on a busy machine."""

_SMALLER = "submit a smaller model, or ask the operator for other limits"
_CONVERT = "save the weights as safetensors and submit again; if it persists, tell the operator"

CLOSED = (
    "this machine cannot isolate the checks of files from itself, so none are accepted; its "
    "operator can install bubblewrap, or start the service with --allow-unsandboxed"
)
"""Why a service without a sandbox accepts no files."""


def isolation() -> Level:
    """What the checks are isolated by on this machine."""
    return find_level()


def why_closed(level: Level, *, allowed: bool) -> str | None:
    """Why no files are accepted; ``None`` if they are.

    Args:
        level: what the checks are isolated by.
        allowed: whether the operator accepts files that are checked without isolation.
    """
    return CLOSED if level == Level.LIMITS and not allowed else None


def sandboxed(level: Level, target: str = TARGET) -> Inspect:
    """What checks files in the sandbox.

    Args:
        level: what the checks are isolated by.
        target: what the child calls.
    """

    def inspect(request: Mapping[str, Any], files: Mapping[str, Path]) -> Mapping[str, Any]:
        try:
            return run_sandboxed(target, request, files=files, limits=LIMITS, level=level)
        except SandboxError as error:
            raise _explained(error) from error

    return inspect


def _explained(error: SandboxError) -> UncheckableError:
    """What the submitter is told where the child did not answer."""
    if isinstance(error, OutOfTime):
        saw = f"the checks took more than {LIMITS.seconds:g} s"
        return UncheckableError("checks-out-of-time", saw, _SMALLER)
    if isinstance(error, OutOfMemory):
        saw = f"the checks needed more than {LIMITS.memory_text} of memory"
        return UncheckableError("checks-out-of-memory", saw, _SMALLER)
    if isinstance(error, Crashed | Failed | TooMuchOutput):
        return UncheckableError("checks-failed", "the file made the checks fail", _CONVERT)
    raise error
