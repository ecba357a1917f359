"""User-supplied text made printable: one short line without control characters."""

from __future__ import annotations

import os
from pathlib import PurePath

NAME = 80
"""Maximum number of characters shown of a name."""

PATH = 240
"""Characters of a path that are shown at most; it is cut in its middle, before the file's name."""


def printable(text: str) -> str:
    r"""A text on one line in which everything that does not print is escaped, as ``repr`` does.

    Line breaks, the escape sequences of terminals, marks that change the direction of writing and
    halves of characters (bytes of a file's name that are not UTF-8) become ``\n``, ``\x1b``,
    ``\u202e`` or ``\udcff``. What prints stays as it is, so that a second call changes nothing.
    """
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)


def cut(text: str, limit: int) -> str:
    """A text of at most ``limit`` characters: of a longer one the beginning and the end.

    Args:
        text: any text.
        limit: at least 10.
    """
    if len(text) <= limit:
        return text
    end = (limit - 3) // 3
    return f"{text[: limit - 3 - end]}...{text[-end:]}"


def label(name: str) -> str:
    """A name as tables and progress bars show it: as :func:`shown`, without quotes."""
    return cut(printable(cut(name, 10 * NAME)), NAME)


def shown(name: object, limit: int | None = None) -> str:
    """A user-supplied name as messages show it: one line, printable and short.

    Args:
        name: a text, which is quoted as ``repr`` does; a path, which is not; or anything else, by
            its ``repr``.
        limit: characters that are shown at most, by default :data:`NAME`, or :data:`PATH` of a
            path.
    """
    if isinstance(name, PurePath):
        return cut(printable(cut(os.fspath(name), 10 * PATH)), limit or PATH)
    limit = limit or NAME
    if isinstance(name, str):
        name = cut(name, 10 * limit)
    elif isinstance(name, bytes | bytearray):
        name = bytes(name[: 10 * limit])
    try:
        text = repr(name)
    except Exception:  # of a class of a stranger
        text = f"<{type(name).__name__}>"
    return cut(printable(cut(text, 10 * limit)), limit)
