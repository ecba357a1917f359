"""Progress of a long computation: a bar on the terminal, one line in a notebook, or a callback."""

from __future__ import annotations

import html
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from models_zoo.display import cut, printable

Callback = Callable[[str], None]
"""Called with a short text whenever a piece of work is done."""

INTERVAL = 0.2
"""Minimum time between two updates in a notebook, in seconds. An attack reports hundreds of times
per second, and each update is a message to the browser."""

TEXT = 100
"""Maximum number of characters of a text."""


class Display(Protocol):
    """A display of progress."""

    def say(self, text: str) -> None:
        """Show what was done last."""
        ...

    def at(self, share: float, seconds_left: float | None) -> None:
        """Show the share of the work that is done, and how long the rest takes if that is known."""
        ...


@contextmanager
def showing(progress: bool | Callback | None, title: str = "") -> Iterator[Display]:
    """Show progress while a computation runs.

    Args:
        progress: a function that is called with each text; ``True`` for a display: a line in a
            notebook, otherwise a bar on stderr; ``False`` or ``None`` for nothing.
        title: what is computed.
    """
    if progress is True and _in_notebook():
        line = _NotebookLine(title)
        try:
            yield line
        finally:
            line.end()
    elif progress is True:
        with _terminal_bar(title) as bar:
            yield bar
    else:
        yield _Texts(progress or _nothing)


def _nothing(text: str) -> None:
    """Show no progress."""


class _Texts:
    def __init__(self, call: Callback) -> None:
        self.call = call

    def say(self, text: str) -> None:
        self.call(text)

    def at(self, share: float, seconds_left: float | None) -> None:
        """A function is told texts alone."""


def _in_notebook() -> bool:
    """Whether this process is the kernel of a notebook, which can display HTML."""
    if "IPython" not in sys.modules:
        return False
    from IPython.core.getipython import get_ipython

    return getattr(get_ipython(), "kernel", None) is not None


class _NotebookLine:
    """A display that is updated in place, without widgets, which not every notebook has."""

    def __init__(self, title: str) -> None:
        from IPython import display

        show: Any = display.display
        self.title, self.text = title, ""
        self.share: float | None = None
        self.left: float | None = None
        self.start = self.updated = time.monotonic()
        self.handle: Any = show(self._content(), raw=True, display_id=True)

    def say(self, text: str) -> None:
        self.text = text
        self._update()

    def at(self, share: float, seconds_left: float | None) -> None:
        self.share, self.left = share, seconds_left
        self._update()

    def end(self) -> None:
        """Show the final state."""
        self.text, self.left, self.updated = "", None, -INTERVAL
        self._update()

    def _update(self) -> None:
        if self.handle is not None and time.monotonic() - self.updated >= INTERVAL:
            self.updated = time.monotonic()
            self.handle.update(self._content(), raw=True)

    def _content(self) -> dict[str, str]:
        parts = [] if self.share is None else [f"{self.share:.0%}"]
        parts.append(_duration(time.monotonic() - self.start))
        parts += [] if self.left is None else [f"{_duration(self.left)} left"]
        parts += [_line(self.text)] if self.text else []
        words = " · ".join(parts)
        bar = "" if self.share is None else f'<progress value="{self.share:.3f}"></progress> '
        title = f"{_line(self.title)}: " if self.title else ""
        return {
            "text/plain": f"{title}{words}",
            "text/html": f"<div>{html.escape(title)}{bar}<small>{html.escape(words)}</small></div>",
        }


class _Bar:
    def __init__(self, bar: Any, line: Any) -> None:
        self.bar, self.line, self.measured = bar, line, False

    def say(self, text: str) -> None:
        self.bar.update(self.line, state=_line(text))

    def at(self, share: float, seconds_left: float | None) -> None:
        left = "" if seconds_left is None else f"{_duration(seconds_left)} left"
        self.measured = True
        self.bar.update(self.line, total=1.0, completed=share, left=left, share=f"{share:.0%}")

    def end(self) -> None:
        """Fill a bar of work whose share was not known."""
        if not self.measured:
            self.bar.update(self.line, total=1.0, completed=1.0)


@contextmanager
def _terminal_bar(title: str) -> Iterator[_Bar]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    with Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=16),
        TextColumn("{task.fields[share]}", markup=False),
        TimeElapsedColumn(),
        TextColumn("{task.fields[left]}", markup=False),
        TextColumn("{task.fields[state]}", style="dim", markup=False),
        console=Console(stderr=True, markup=False, emoji=False, highlight=False),
    ) as bar:
        shown = _Bar(bar, bar.add_task(_line(title), total=None, state="", left="", share=""))
        yield shown
        shown.end()


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


def _line(text: str) -> str:
    return cut(printable(cut(text, 10 * TEXT)), TEXT)
