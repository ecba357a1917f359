"""The exception for unusable input, in all three packages."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

from models_zoo.display import cut, printable, shown

__all__ = [
    "InputError",
    "Problem",
    "close_names",
    "first_problem",
    "printable",
    "reason_of",
    "refusing",
    "shown",
    "unknown_name",
]

MESSAGE = 2000
"""Maximum number of characters of a message; longer ones are shortened in the middle."""

WORD = 400
"""Maximum number of characters of a word, so that a long name does not displace the rest of a
message."""

SUGGESTIONS = 3
"""Maximum number of names that are suggested."""

PART = 3
"""Smallest length of a name that others are searched for: one letter is part of most names."""

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


def unknown_name(kind: str, name: object, known: Iterable[str], listed_by: str = "") -> InputError:
    """An :class:`InputError` for a name that is not known, suggesting what may have been meant.

    Args:
        kind: what is looked up, such as ``"model"`` or ``"battery"``.
        name: the requested name.
        known: every accepted name. If there are few, all are listed.
        listed_by: what lists them, such as a command, for where there are many.
    """
    names = sorted(known)
    close = close_names(name, names) if isinstance(name, str) else []
    listed = ", ".join(names)
    few = len(listed) <= SHOWN
    hint = f"did you mean {_either(close[:1] if few else close)}? " if close else ""
    if few:
        told = f"{hint}known: {listed}"
    else:
        examples = ", ".join(map(shown, names[:: len(names) // SUGGESTIONS][:SUGGESTIONS]))
        told = hint or f"there are {len(names):,}, such as {examples}; "
        told = (told + (f"{listed_by} lists all" if listed_by else "")).rstrip("; ")
    return InputError(f"unknown {kind} {shown(name)}; {told}")


def close_names(name: str, known: Sequence[str]) -> list[str]:
    """The names that may have been meant, the most likely one first.

    They are the most similar ones, and those that contain the name, such as
    ``"cifar10/resnet18-standard"`` for ``"resnet18"``.

    Args:
        name: the requested name.
        known: every accepted name, sorted.
    """
    asked = name[:WORD]
    close = difflib.get_close_matches(asked, known, n=SUGGESTIONS, cutoff=0.5)
    part = asked.casefold().strip("*?")
    around = [each for each in known if part in each.casefold()] if len(part) >= PART else []
    around.sort(key=len)
    return list(dict.fromkeys([*close[:1], *around, *close[1:]]))[:SUGGESTIONS]


def _either(names: Sequence[str]) -> str:
    *others, last = map(shown, names)
    return f"{', '.join(others)} or {last}" if others else last


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


@contextmanager
def refusing(path: Path, what: str, hint: str) -> Iterator[None]:
    """Refuse a file in one line if what is done with its content fails.

    Args:
        path: of the file.
        what: what it should be, such as ``"report"``.
        hint: what to give instead.

    Raises:
        InputError: it failed.
    """
    try:
        yield
    except ValidationError as error:
        place, reason, _ = first_problem(error)
        place = place[:80] or "content"
        raise InputError(f"{shown(path)} is not a {what} ({place!r}: {reason}); {hint}") from error
    except InputError:
        raise
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise InputError(f"{shown(path)} is not a {what} ({reason_of(error)}); {hint}") from error


def reason_of(error: BaseException, limit: int = 160) -> str:
    """The first line of a foreign error's message, or its type if the message is empty.

    Args:
        error: what was raised.
        limit: maximum number of characters.
    """
    lines = str(error).strip().splitlines() or [type(error).__name__]
    line = printable(lines[0][: 4 * limit])
    return line if len(line) <= limit else f"{line[:limit]}..."
