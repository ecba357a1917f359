"""What is in a folder, to find out whether something was written there."""

from __future__ import annotations

import os
from pathlib import Path


def listing(folder: Path) -> dict[str, tuple[int, int]]:
    """Mode and size of everything below a folder, by its place in it; links are not followed."""
    found = {}
    for root, folders, files in os.walk(folder):
        for name in [*folders, *files]:
            path = Path(root, name)
            state = path.lstat()
            size = state.st_size if name in files else 0
            found[str(path.relative_to(folder))] = (state.st_mode, size)
    return found
