"""The rendered leaderboard, served as it is on the disk."""

from __future__ import annotations

import time
from os import stat_result
from pathlib import Path

from starlette.staticfiles import StaticFiles

_SWAP_SECONDS = 0.5
"""How long the folder may be away: it is replaced by renaming."""


class SiteFiles(StaticFiles):
    """Files below a folder, and ``index.html`` of folders; no lists, no links, no hidden files.

    The folder is replaced as a whole when the site is rendered again, so nothing is remembered.

    Args:
        site: the folder.
    """

    def __init__(self, site: Path) -> None:
        super().__init__(directory=site, html=True, check_dir=False)
        self._site = site

    async def check_config(self) -> None:
        """Accept that the folder is missing: the first rendering takes a moment."""

    def lookup_path(self, path: str) -> tuple[str, stat_result | None]:
        """The file at a path below the folder."""
        if any(part.startswith(".") for part in Path(path).parts) or "\\" in path:
            return "", None
        end = time.monotonic() + _SWAP_SECONDS
        while True:
            found = super().lookup_path(path)
            if found[1] is not None or self._site.is_dir() or time.monotonic() > end:
                return found
            time.sleep(0.02)
