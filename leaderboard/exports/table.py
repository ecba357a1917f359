"""A board as CSV, escaped so that spreadsheets run no text as a formula."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterator
from functools import lru_cache

from leaderboard.board import Board
from leaderboard.board.card_columns import CARD_COLUMNS

_SIGNS = "=+\\-@\uff1d\uff0b\uff0d\uff20"
_BEGIN = re.compile(rf"[\s\0]*[{_SIGNS}]|[\t\r\n\0]")
_INSIDE = re.compile(rf"([;\t\r\n])(?=[\s\0\x22]*[{_SIGNS}])")
_SUFFIXES = ("", " low", " high", " n")
"""What follows the key of a score in the heads of its columns."""


def board_csv(board: Board) -> str:
    """The board's table: facts, then value, ends of the 95% interval and n of each headline score.

    A text that a spreadsheet would take for a formula gets an apostrophe in front. A cell is empty
    where there is no number or no interval, and ``inf`` where no budget was enough. Lines end as in
    RFC 4180.
    """
    file = io.StringIO()
    # Not lineterminator="\n": with it, Python 3.11 writes a "\r" in a text without quotes.
    writer = csv.writer(file)
    scores = [f"{column.key}{suffix}" for column in board.columns for suffix in _SUFFIXES]
    facts = [column.key for column in CARD_COLUMNS if column.exported]
    first = [
        "rank",
        "rank last",
        "model",
        "fingerprint",
        *facts,
        "dataset",
        "battery",
        "own_data",
        "seed",
        "flags",
        "costliest",
    ]
    writer.writerow([*first, *scores])
    writer.writerows(_rows(board))
    return file.getvalue()


def _rows(board: Board) -> Iterator[list[object]]:
    for row in board.rows:
        card = row.summary.card
        cells: list[object] = [
            row.rank.number if row.rank else "",
            row.rank.last if row.rank else "",
            harmless(card.name),
            row.summary.fingerprint,
            *(_fact(column.value(card)) for column in CARD_COLUMNS if column.exported),
            harmless(card.dataset),
            harmless(board.battery),
            "" if board.own_data is None else str(board.own_data).lower(),
            row.summary.seed,
            "" if row.summary.flags is None else row.summary.flags,
            row.costliest.probe if row.costliest else "",
        ]
        for column in board.columns:
            score = row.summary.scores.get(column.key)
            ends = (score and score.interval) or ("", "")
            numbers = (score.value, *ends, score.n) if score else ("",) * 4
            cells += ["" if isinstance(x, float) and math.isnan(x) else x for x in numbers]
        yield cells


def _fact(value: str | int | None) -> object:
    return harmless(value) if isinstance(value, str) else "" if value is None else value


@lru_cache(maxsize=1024)
def harmless(text: str) -> str:
    """Text escaped so that no spreadsheet takes any part of it as a formula.

    A leading sign is not the only risk (OWASP, "CSV Injection"): where the comma is the decimal
    separator, spreadsheets split a line at semicolons, even within quotes that do not begin a cell.
    Full-width signs count as well.
    """
    inside = _INSIDE.sub(r"\1'", text)
    return f"'{inside}" if _BEGIN.match(inside) else inside
