"""What can go wrong with a child in the sandbox, besides unusable input."""

from __future__ import annotations

import signal


class SandboxError(Exception):
    """Code in the sandbox did not answer as it should; the message is one line."""


class OutOfTime(SandboxError):  # noqa: N818, named after what happened
    """It ran for longer than it may."""


class OutOfMemory(SandboxError):  # noqa: N818
    """It needed more memory, or more threads and processes, than it may."""


class TooMuchOutput(SandboxError):  # noqa: N818
    """It sent more than it may, or something that is not an answer."""


class Failed(SandboxError):  # noqa: N818
    """It raised an exception.

    Attributes:
        traceback: as text, from the child: hostile, and of several lines.
    """

    def __init__(self, message: str, traceback: str = "") -> None:
        super().__init__(message)
        self.traceback = traceback


class Crashed(SandboxError):  # noqa: N818
    """It ended without an answer.

    Attributes:
        code: its exit code; ``None`` if a signal ended it.
        signal: number of the signal that ended it, if one did.
        stderr: the last lines of what it wrote to the standard error, as text: hostile.
    """

    def __init__(self, status: int, stderr: str = "") -> None:
        number = -status if status < 0 else status - 128 if status > 128 else None
        self.signal = number
        self.code = status if number is None else None
        self.stderr = stderr
        if number is None:
            what = f"ended with exit code {status}"
        else:
            what = f"was ended by signal {number}{_name(number)}"
        super().__init__(f"the process in the sandbox {what} before it answered")


def _name(number: int) -> str:
    try:
        return f" ({signal.Signals(number).name})"
    except ValueError:
        return ""
