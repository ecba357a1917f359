"""Where results will be written: looked at before anything is computed, not hours later."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from models_zoo.display import shown
from models_zoo.errors import InputError

_LONGEST = 255
"""Bytes of a name in a folder, on the usual file systems."""


def require_file_place(file: Path | None, option: str = "") -> None:
    """Check that a file can be written.

    Args:
        file: the file; it is replaced if it is there.
        option: what names it, for the message.

    Raises:
        InputError: it cannot be written.
    """
    if file is None:
        return
    what = f"{option} {shown(file)}".strip()
    try:
        if file.is_dir():
            raise InputError(f"cannot write {what}: it is a folder; name a file")
        file.lstat()
    except FileNotFoundError:
        pass
    except OSError as error:  # a name that is too long, or one below a file
        raise _refused(what, error) from error
    folder = file.resolve().parent
    if not folder.is_dir():
        raise InputError(f"cannot write {what}: its folder does not exist; make it first")
    _try(folder, what)


def require_folder_place(folder: Path, option: str = "--out") -> None:
    """Check that files can be written into a folder, which is made later if it is missing.

    Args:
        folder: the folder.
        option: what names it, for the message.

    Raises:
        InputError: they cannot be.
    """
    what = f"into {option} {shown(folder)}"
    try:
        there = folder.resolve()
        while not there.exists():
            there = there.parent
        if not there.is_dir():
            raise InputError(f"cannot write {what}: {shown(there)} is a file; choose another")
        (folder / "x").lstat()
    except (FileNotFoundError, NotADirectoryError):
        pass
    except (OSError, RuntimeError) as error:
        raise _refused(what, error) from error
    if any(len(os.fsencode(part)) > _LONGEST for part in folder.parts):
        raise InputError(f"cannot write {what}: a name is too long; choose another place")
    _try(there, what)


def require_site_place(out: Path) -> None:
    """Check that a site can be written to a folder.

    Args:
        out: missing, empty or a site that was rendered earlier.

    Raises:
        InputError: it cannot be written, or holds something that a site does not.
    """
    from leaderboard.pages.publish import refuse_foreign

    try:
        there = out.resolve()
        refuse_foreign(there)
    except (OSError, RuntimeError) as error:
        raise _refused(f"a site to {shown(out)}", error) from error
    require_folder_place(there)
    require_folder_place(there.parent)  # the new site is made beside it


def _try(folder: Path, what: str) -> None:
    """Write something into a folder that is gone at once."""
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".nonsingular-") as file:
            file.write(b"x")
    except OSError as error:
        raise _refused(what, error) from error


def _refused(what: str, error: Exception) -> InputError:
    reason = getattr(error, "strerror", None) or str(error)
    return InputError(f"cannot write {what}: {reason}; choose another place")
