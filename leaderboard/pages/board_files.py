"""A board's files: its data for the page, its further pages and its downloads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from leaderboard.board.board import Board
from leaderboard.board.card_columns import CARD_COLUMNS
from leaderboard.board.payload import board_payload, script
from leaderboard.board.rows import Row, profile_shares
from leaderboard.board.threats import outcomes_payload
from leaderboard.exports.table import board_csv
from leaderboard.formatting.json_text import json_text
from leaderboard.pages.environment import render_page
from leaderboard.pages.site_options import SiteLink

PAGE = 50
"""Rows of a board on the front page, and rows that the script adds at a time."""

PAPER_PAGE = 500
"""Rows on each of the further pages, for readers without JavaScript."""


def write_board(
    board: Board, record: dict[str, Any], folder: Path, links: Sequence[SiteLink] = ()
) -> None:
    """Write all files of a board; its section on the front page is written elsewhere.

    Args:
        board: the board.
        record: its content for programs.
        folder: the site's ``boards`` folder.
        links: the site's.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for ending, text in (("csv", board_csv(board)), ("json", json_text(record) + "\n")):
        (folder / f"{board.name}.{ending}").write_bytes(text.encode("utf-8", "replace"))
    (folder / f"{board.name}.js").write_text(
        script(board.name, board_payload(board.rows, board.columns)), "utf-8"
    )
    if board.threats:
        summaries = [row.summary for row in board.rows]
        outcomes = script(f"{board.name}-outcomes", outcomes_payload(summaries, board.threats))
        (folder / f"{board.name}-outcomes.js").write_text(outcomes, "utf-8")
    for number, rows in enumerate(_further(board), 1):
        page = render_page(
            "board.html.j2",
            "../",
            board=board,
            rows=rows,
            number=number,
            pages=further_pages(board),
            card_columns=CARD_COLUMNS,
            profile_labels=[share.label for share in profile_shares().values()],
            links=links,
        )
        (folder / f"{board.name}-{number}.html").write_bytes(page.encode("utf-8", "replace"))


def further_pages(board: Board) -> int:
    """Number of further pages with all rows of a board; 0 if the front page has all."""
    return 0 if len(board.rows) <= PAGE else -(-len(board.rows) // PAPER_PAGE)


def _further(board: Board) -> Iterator[list[Row]]:
    for number in range(further_pages(board)):
        yield board.rows[number * PAPER_PAGE : (number + 1) * PAPER_PAGE]
