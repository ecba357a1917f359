"""The exception for unusable input, in all three packages."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import NamedTuple

from pydantic import ValidationError

from models_zoo.display import cut, printable, shown

__all__ = [
    "InputError",
    "Problem",
    "first_problem",
    "printable",
    "reason_of",
    "shown",
    "unknown_name",
]

MESSAGE = 2000
"""Maximum number of characters of a message; longer ones are shortened in the middle."""

WORD = 400
"""Maximum number of characters of a word, so that a long name does not displace the rest of a
message."""

SHOWN = 300
"""Maximum number of characters of a list of names; for more names a message gives their number."""


class InputError(ValueError):
    """An argument or input of the caller cannot be used.

    The message says what is wrong, with which value, and what to do. It is one line of at most
    :data:`MESSAGE` printable characters, whatever its content: non-printable characters are
    escaped. The command line prints it without a traceback and exits with code 2.

    Args:
        message: format names from files and users with :func:`shown`, which keeps them short enough
            for a readable message.
    """

    def __init__(self, message: object = "") -> None:
        text = printable(cut(str(message), 20 * MESSAGE))
        words = text.split(" ") if len(text) > WORD else [text]
        super().__init__(cut(" ".join(cut(word, WORD) for word in words), MESSAGE))


def unknown_name(kind: str, name: object, known: Iterable[str]) -> InputError:
    """An :class:`InputError` for a name that is not known, suggesting the nearest one.

    Args:
        kind: what is looked up, such as ``"model"`` or ``"battery"``.
        name: the requested name.
        known: every accepted name.
    """
    names = sorted(known)
    asked = name[:WORD] if isinstance(name, str) else ""
    close = difflib.get_close_matches(asked, names, n=1, cutoff=0.5)
    hint = f"did you mean {shown(close[0])}? " if close else ""
    listed = ", ".join(names)
    if len(listed) > SHOWN:
        listed = f"{len(names)} names"
    return InputError(f"unknown {kind} {shown(name)}; {hint}known: {listed}")


class Problem(NamedTuple):
    """The first thing that a validation found wrong.

    Attributes:
        place: names of the fields that lead to it, joined by dots; empty for the whole.
        reason: what is wrong, in one line.
        given: the value that was given.
    """

    place: str
    reason: str
    given: object


def first_problem(error: ValidationError) -> Problem:
    """What a pydantic model refuses first."""
    first = error.errors()[0]
    place = ".".join(map(str, first["loc"]))
    return Problem(place, first["msg"].removeprefix("Value error, "), first["input"])


def reason_of(error: BaseException, limit: int = 160) -> str:
    """The first line of a foreign error's message, or its type if the message is empty.

    Args:
        error: what was raised.
        limit: maximum number of characters.
    """
    lines = str(error).strip().splitlines() or [type(error).__name__]
    line = printable(lines[0][: 4 * limit])
    return line if len(line) <= limit else f"{line[:limit]}..."
