"""Check that output paths can be written before anything is computed."""

from __future__ import annotations

import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

from models_zoo.display import shown
from models_zoo.errors import InputError

_MAX_NAME_BYTES = 255
"""Longest file name that common file systems allow, in bytes."""


def require_file_place(file: Path | None, option: str = "") -> None:
    """Check that a file can be written.

    Args:
        file: the file; an existing one will be replaced. ``None`` passes.
        option: the command-line option that gave the file, for the message.

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
        raise cannot_write(what, error) from error
    folder = file.resolve().parent
    if not folder.is_dir():
        raise InputError(f"cannot write {what}: its folder does not exist; make it first")
    try:
        _try_writing(folder)
    except OSError as error:
        raise cannot_write(what, error) from error


def require_folder_place(folder: Path, option: str = "--out") -> None:
    """Check that files can be written into a folder, which may not exist yet.

    Args:
        folder: the folder.
        option: the command-line option that gave the folder, for the message.

    Raises:
        InputError: files cannot be written there.
    """
    what = f"into {option} {shown(folder)}"
    if any(len(os.fsencode(part)) > _MAX_NAME_BYTES for part in folder.parts):
        raise InputError(f"cannot write {what}: a name is too long; choose another place")
    try:
        resolved = folder.resolve()
        for place in (resolved, *resolved.parents):
            kind = is_folder(place)
            if kind is False:
                raise InputError(f"cannot write {what}: {shown(place)} is a file; choose another")
            if kind:
                with suppress(FileNotFoundError):  # another process may have just renamed it
                    _try_writing(place)
                    return
    except (OSError, RuntimeError) as error:
        raise cannot_write(what, error) from error


def is_folder(path: Path) -> bool | None:
    """Whether a path is a folder; ``None`` if there is nothing.

    A single look: between two, such as ``exists()`` and ``is_dir()``, another process can rename
    what is there.
    """
    try:
        return stat.S_ISDIR(path.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return None


def _try_writing(folder: Path) -> None:
    """Write a temporary file into a folder and remove it.

    Raises:
        OSError: it cannot be written.
    """
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".nonsingular-") as file:
        file.write(b"x")


def cannot_write(what: str, error: Exception) -> InputError:
    """The error for an output that cannot be written.

    Args:
        what: the output, such as ``"into --out 'site'"``.
        error: what the system reported.
    """
    reason = getattr(error, "strerror", None) or str(error)
    return InputError(f"cannot write {what}: {reason}; choose another place")
