"""Putting a finished site in place of the old one."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from models_zoo.errors import InputError

OWN = frozenset(
    {"index.html", "results.json", "style.css", "table.js", "models", "batteries", "charts"}
)
"""Everything at the top of a rendered site."""

_STALE_SECONDS = 3600


@contextmanager
def replacing(out: Path) -> Iterator[Path]:
    """A new folder beside ``out`` to write into, put in its place when the block succeeds.

    When the block fails, or the process dies in it, ``out`` stays as it was.

    Args:
        out: the folder to replace: missing, empty or a site that was rendered earlier.

    Raises:
        InputError: ``out`` holds something that a site does not, or cannot be written.
    """
    out = out.resolve()
    _refuse_foreign(out)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        for left in out.parent.glob(f".{out.name}.*.rendering"):
            if time.time() - left.stat().st_mtime > _STALE_SECONDS:  # its process was killed
                shutil.rmtree(left, ignore_errors=True)
        work = Path(tempfile.mkdtemp(".rendering", f".{out.name}.", out.parent))
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
        shutil.rmtree(work, ignore_errors=True)


def _refuse_foreign(out: Path) -> None:
    hint = "choose an empty or a new folder with --out"
    if not out.exists():
        return
    if not out.is_dir():
        raise InputError(f"cannot write a site to {str(out)!r}: it is a file; {hint}")
    found = {path.name for path in out.iterdir()}
    foreign = sorted(found - OWN)
    index = out / "index.html"
    ours = not found or (
        index.is_file() and 'name="generator" content="nonsingular' in index.read_text("utf-8")
    )
    if foreign or not ours:
        what = foreign[0] if foreign else sorted(found)[0]
        raise InputError(
            f"cannot write a site to {str(out)!r}: it holds {what!r}, which no site wrote; {hint}"
        )


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
