"""Rendering the site again when something has changed."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Lock

from leaderboard.service.log import log
from models_zoo.errors import InputError


class Renderer:
    """Renders the site when it is told that something has changed, not more often than need be.

    Args:
        render: writes the site, in place of an earlier one.
    """

    def __init__(self, render: Callable[[], object]) -> None:
        self._render = render
        self._changed = True  # at the start: results may have been stored meanwhile
        self._lock = Lock()
        self.rendered: float | None = None

    def mark(self) -> None:
        """Say that something has changed; it is rendered with the next call of :meth:`work`."""
        self._changed = True

    def work(self) -> bool:
        """Render the site if something has changed; returns whether that was so."""
        with self._lock:
            if not self._changed:
                return False
            self._changed = False  # first: what changes while it is rendered is rendered next
            started = time.monotonic()
            try:
                self._render()
            except Exception as error:
                self._changed = True  # the next call tries again
                reason = str(error) if isinstance(error, InputError) else type(error).__name__
                log("rendering-failed", reason=reason)
                return False
            self.rendered = time.time()
            log("rendered", seconds=round(time.monotonic() - started, 2))
            return True
