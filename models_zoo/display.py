"""User-supplied text made printable: one short line without control characters."""

from __future__ import annotations

import os
from pathlib import PurePath

NAME = 80
"""Maximum number of characters of a name."""

PATH = 240
"""Maximum number of characters of a path; it is shortened in the middle, before the file's name."""


def printable(text: str) -> str:
    r"""A text on one line in which non-printable characters are escaped, as by ``repr``.

    Line breaks, terminal escape sequences, marks that change the writing direction and lone
    surrogates (bytes of a file name that are not UTF-8) become ``\n``, ``\x1b``, ``\u202e`` or
    ``\udcff``. Printable characters are kept, so that a second call changes nothing.
    """
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)


def cut(text: str, limit: int) -> str:
    """A text of at most ``limit`` characters: the beginning and the end of a longer one.

    Args:
        text: any text.
        limit: at least 10.
    """
    if len(text) <= limit:
        return text
    end = (limit - 3) // 3
    return f"{text[: limit - 3 - end]}...{text[-end:]}"


def label(name: str) -> str:
    """A name for tables and progress bars: as :func:`shown`, without quotes."""
    return cut(printable(cut(name, 10 * NAME)), NAME)


def shown(name: object, limit: int | None = None) -> str:
    """A user-supplied name for messages: one line, printable and short.

    Args:
        name: a string, which is quoted as by ``repr``; a path, which is not; or anything else, by
            its ``repr``.
        limit: maximum number of characters; by default :data:`NAME`, or :data:`PATH` for a path.
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
    except Exception:  # of a class from elsewhere
        text = f"<{type(name).__name__}>"
    return cut(printable(cut(text, 10 * limit)), limit)
