"""The one exception that means "what you gave cannot be used", for all three packages."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class InputError(ValueError):
    """Something the caller gave cannot be used.

    The message is one line and says what was wrong, with which value, and what to do. The command
    line prints it without a traceback and exits with code 2.
    """


SHOWN = 300
"""Characters of names that a message lists at most; of more names it gives the number."""


def unknown_name(kind: str, name: str, known: Iterable[str]) -> InputError:
    """An :class:`InputError` for a name that is not known, suggesting the nearest one.

    Args:
        kind: what is being looked up, such as ``"model"`` or ``"battery"``.
        name: the name that was asked for.
        known: every name that would have been accepted.
    """
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f"did you mean {close[0]!r}? " if close else ""
    listed = ", ".join(names)
    if len(listed) > SHOWN:
        listed = f"{len(names)} names"
    return InputError(f"unknown {kind} {name!r}; {hint}known: {listed}")


def reason_of(error: BaseException, limit: int = 160) -> str:
    """The first line of a foreign error's message, or its kind where it says nothing.

    Args:
        error: what was raised.
        limit: characters after which the line is cut.
    """
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0] if len(lines[0]) <= limit else f"{lines[0][:limit]}..."
