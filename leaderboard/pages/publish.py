"""Replacing the old site by a finished one."""

from __future__ import annotations

import glob
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from leaderboard.output_paths import cannot_write, is_folder, require_folder_place
from models_zoo.display import shown
from models_zoo.errors import InputError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

OWN = frozenset(
    {
        "index.html",
        "compare.html",
        "findings.html",
        "submit.html",
        "citations.bib",
        "results.json",
        "site.json",
        "nonsingular.sqlite",
        "batteries",
        "boards",
        "charts",
        "models",
        "schema",
        "static",
        "style.css",
        "table.js",
    }
)
"""Everything at the top of a rendered site."""

_GENERATOR = 'name="generator" content="nonsingular'

_HELD = "held"
"""File in a renderer's folder that it locks while it is running."""

_FRESH_SECONDS = 10
"""Age after which an unlocked folder counts as abandoned."""

_STALE_SECONDS = 3600
"""Age after which a folder without a lock file is removed."""

_NAMED = 100
"""Maximum number of characters of the site's name in the name of its temporary folder."""


@contextmanager
def replacing(out: Path) -> Iterator[Path]:
    """A new folder next to ``out``, which replaces it when the block succeeds.

    If the block fails, or the process dies in it, ``out`` is unchanged.

    Args:
        out: the folder to replace: missing, empty or a site that was rendered earlier.

    Raises:
        InputError: ``out`` holds something that a site does not, or cannot be written.
    """
    out = out.resolve()
    try:
        refuse_foreign(out)
        out.parent.mkdir(parents=True, exist_ok=True)
        _remove_stale(out)
        work = Path(tempfile.mkdtemp(".rendering", f".{out.name[:_NAMED]}.", out.parent))
        held = _hold(work)
    except OSError as error:
        hint = "choose another folder with --out"
        raise InputError(
            f"cannot write a site to {str(out)!r}: {error.strerror}; {hint}"
        ) from error
    try:
        new = work / "new"
        new.mkdir()
        yield new
        _swap(new, out)
    finally:
        _remove(work)
        held.close()


def _remove(folder: Path) -> None:
    """Remove a folder, into which processes that are ending may still write."""
    for _ in range(50):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(0.1)


def require_site_place(out: Path) -> None:
    """Check that a site can be written to a folder.

    Args:
        out: missing, empty or a site that was rendered earlier.

    Raises:
        InputError: it cannot be written, or holds something that a site does not.
    """
    try:
        folder = out.resolve()
        refuse_foreign(folder)
    except (OSError, RuntimeError) as error:
        raise cannot_write(f"a site to {shown(out)}", error) from error
    require_folder_place(folder)
    require_folder_place(folder.parent)  # the new site is written next to the old one


def refuse_foreign(out: Path) -> None:
    """Check that a folder contains nothing but a site.

    Raises:
        InputError: it contains something else.
    """
    hint = "choose an empty or a new folder with --out"
    if is_folder(out) is False:
        raise InputError(f"cannot write a site to {str(out)!r}: it is a file; {hint}")
    foreign = _foreign(out)
    for _ in range(5):  # another process may be swapping its own site in while we look
        if foreign is None:
            return
        time.sleep(0.02)
        foreign = _foreign(out)
    raise InputError(
        f"cannot write a site to {str(out)!r}: it holds {foreign!r}, which no site wrote; {hint}"
    )


def _foreign(out: Path) -> str | None:
    """The name of a file in ``out`` that is not part of a site; ``None`` if there is none."""
    try:
        found = sorted(path.name for path in out.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return None
    if not found:
        return None
    try:
        ours = _GENERATOR in (out / "index.html").read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        ours = False
    return next((name for name in found if not ours or name not in OWN), None)


def _remove_stale(out: Path) -> None:
    """Remove the folders of renderers that were killed, whose locks are gone."""
    for left in out.parent.glob(f".{glob.escape(out.name[:_NAMED])}.*.rendering"):
        with suppress(OSError):  # its process is alive and has just finished
            age = time.time() - left.stat().st_mtime
            if age < _FRESH_SECONDS:  # it may be about to be held
                continue
            old = age > _STALE_SECONDS
            if fcntl is None or not (left / _HELD).exists():
                if old:
                    shutil.rmtree(left, ignore_errors=True)
                continue
            with (left / _HELD).open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(left, ignore_errors=True)


def _hold(work: Path) -> IO[bytes]:
    """Lock a folder until the file is closed or the process has ended."""
    file = (work / _HELD).open("wb")
    if fcntl is not None:
        fcntl.flock(file, fcntl.LOCK_EX)
    return file


def _swap(new: Path, out: Path) -> None:
    for attempt in range(100):
        with suppress(FileNotFoundError):
            out.rename(new.with_name(f"old{attempt}"))
        try:
            new.rename(out)
        except OSError:  # another process put its own site there in between
            continue
        return
    raise InputError(f"cannot put the site at {str(out)!r}: something else keeps writing there")
