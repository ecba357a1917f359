"""Sections of a page that a command writes, between two marks of its own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from models_zoo.checkpoint.writing import write_bytes
from models_zoo.errors import InputError


def marks(tool: str) -> tuple[str, str]:
    """The lines around the section that ``perf/<tool>.py`` writes."""
    text = f"<!-- written by perf/{tool}.py"
    return f"{text}: begin -->", f"{text}: end -->"


def write_section(page: Path, tool: str, text: str) -> None:
    """Replace the text between a tool's marks on a page.

    Args:
        page: the page.
        tool: name of the module in ``perf``.
        text: Markdown that ends in a line break.

    Raises:
        InputError: the page is missing or lacks the marks, or cannot be written.
    """
    begin, end = marks(tool)
    whole = page.read_text("utf-8") if page.is_file() else ""
    before, first, rest = whole.partition(begin)
    _, last, after = rest.partition(end)
    if not (first and last):
        raise InputError(f"{page} lacks the lines {begin!r} and {end!r}; add them")
    write_bytes(page, f"{before}{begin}\n\n{text}\n{end}{after}".encode())


def line(cells: Sequence[str]) -> str:
    """One line of a table."""
    return f"| {' | '.join(cells)} |"
