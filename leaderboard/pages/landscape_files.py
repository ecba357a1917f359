"""Finding the pages that ``nonsingular landscape`` wrote, by model."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from models_zoo.errors import InputError

FILE = "landscape.html"
"""File name in a model's folder."""


@dataclass(frozen=True)
class LandscapePage:
    """A self-contained page.

    Attributes:
        fingerprint: of the model.
        model: that model's name, as it was then.
        page: the HTML file.
        sha256: of the file's content.
    """

    fingerprint: str
    model: str
    page: Path
    sha256: str


def find_landscapes(folder: Path) -> dict[str, LandscapePage]:
    """The landscape pages in a folder, by fingerprint.

    ``nonsingular landscape`` writes a JSON file next to each page; the fingerprint is read from it.
    If there are several pages of a model, the last by file name is used.

    Args:
        folder: ``--out`` of ``nonsingular landscape``.

    Raises:
        InputError: it is not a folder, or a page in it cannot be read.
    """
    if not folder.is_dir():
        raise InputError(
            f"no landscapes at {folder}: it is not a folder; name the --out of "
            "'nonsingular landscape' with --landscapes"
        )
    found = {}
    for numbers in sorted(folder.glob("*.json")):
        page = numbers.with_suffix(".html")
        if not page.is_file():
            continue
        try:
            origin = json.loads(numbers.read_bytes())
            content = page.read_bytes()
        except (OSError, ValueError) as error:
            raise InputError(f"cannot read the landscape {numbers}: {error}") from error
        if not isinstance(origin, dict) or "landscape" not in origin:
            continue
        fingerprint, model = str(origin.get("fingerprint")), str(origin.get("model"))
        sha256 = hashlib.sha256(content).hexdigest()
        found[fingerprint] = LandscapePage(fingerprint, model, page, sha256)
    return found


def put_landscape(
    landscape: LandscapePage | None, fingerprint: str, before: Path, own: Path
) -> bool:
    """Copy a model's landscape into its folder, or keep the one that the earlier site showed.

    Args:
        landscape: the page; ``None`` where none was given this time.
        fingerprint: the model; the page of another one that had its folder's name is not kept.
        before: the model's folder on the earlier site; may be missing.
        own: its folder on the new one.

    Returns:
        Whether there is one.
    """
    if landscape is not None:
        shutil.copyfile(landscape.page, own / FILE)
        return True
    try:
        kept = (before / FILE).read_bytes()
    except OSError:  # there is none, or another process is replacing the earlier site
        return False
    if fingerprint.encode() not in kept:
        return False
    (own / FILE).write_bytes(kept)
    return True
