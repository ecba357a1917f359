"""A table for a page in Markdown."""

from __future__ import annotations

import re

from leaderboard.exports.paper_table import FLAG, NEAR_MARK, PaperCell, PaperRow, PaperTable

_ARROWS = {True: " \N{UPWARDS ARROW}", False: " \N{DOWNWARDS ARROW}", None: ""}
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "|": "&#124;", "@": "&#64;"}
_SPECIAL = re.compile(r"([\\`*\[\]{}~$]|(?<![^\W_])_|_(?![^\W_])|#(?=\d)|^[#+-])")
"""What may be interpreted inside a line or at its start: code, emphasis (by ``_`` at the ends of a
word only), links, strikethrough, formulas, templates, numbers of issues, headings and lists. Before
a parenthesis a backslash would begin a formula in many readers."""

_NUMBERED = re.compile(r"^(\d+)([.)])")
_ADDRESS = re.compile(r"(?i)\b(https?|ftp|mailto|xmpp|www)([:.])")


def markdown_table(table: PaperTable) -> str:
    """The table with its caption below.

    Args:
        table: what to show.
    """
    heads = ["", "Model", *(f"{escaped(head)}{_ARROWS[up]}" for head, up in table.heads)]
    behind = ["In parentheses: 95% intervals."] if table.intervals else []
    lines = [
        f"| {' | '.join(heads)} |",
        f"| ---: | :--- | {' | '.join(['---:'] * len(table.heads))} |",
        *(f"| {' | '.join(_cells(row))} |" for row in table.rows),
        "",
        escaped(" ".join([*table.caption, *behind])),
        *([f"Licence of the results: {escaped(table.licence)}."] if table.licence else []),
    ]
    return "\n".join(lines) + "\n"


def escaped(text: str) -> str:
    """Text of which nothing is interpreted as Markdown, HTML, a mention or an address.

    Line breaks become spaces, so that it stays in its cell.

    Args:
        text: any text.
    """
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    line = _NUMBERED.sub(r"\1\\\2", _SPECIAL.sub(r"\\\1", line))
    line = "".join(_ENTITIES.get(character, character) for character in line)
    return _ADDRESS.sub(lambda found: f"{found[1]}&#{ord(found[2])};", line)


def _cells(row: PaperRow) -> list[str]:
    name = escaped(row.name) + (f" {FLAG}" if row.flagged else "")
    return [escaped(row.rank), name, *map(_cell, row.cells)]


def _cell(cell: PaperCell) -> str:
    value = f"**{cell.value}**" if cell.best else cell.value
    mark = NEAR_MARK if cell.near else ""
    return f"{value}{mark}" + (f" ({cell.interval})" if cell.interval else "")
