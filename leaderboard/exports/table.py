"""A board as CSV that a spreadsheet can open without running what somebody wrote into a name."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from leaderboard.site.boards import Board

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
_ENDS = ("value", "low", "high", "n")


def board_csv(board: Board) -> str:
    """The board's table: facts, then value, ends of the 95% interval and n of each headline score.

    A text that a spreadsheet would take for a formula gets an apostrophe in front.
    """
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    facts = ("rank", "model", "fingerprint", "recipe", "architecture", "parameters", "source")
    scores = [
        f"{column.key} {end}".removesuffix(" value") for column in board.columns for end in _ENDS
    ]
    writer.writerow([*facts, "seed", "flags", *scores])
    writer.writerows(_rows(board))
    return file.getvalue()


def _rows(board: Board) -> Iterator[list[object]]:
    for row in board.rows:
        card = row.summary.card
        cells: list[object] = [
            row.place.rank if row.place else "",
            harmless(card.name),
            row.summary.fingerprint,
            harmless(card.recipe),
            harmless(card.architecture),
            "" if card.parameters is None else card.parameters,
            card.source,
            row.summary.seed,
            "" if row.summary.flags is None else row.summary.flags,
        ]
        for column in board.columns:
            score = row.summary.scores.get(column.key)
            numbers = (score.value, score.low, score.high, score.n) if score else ("",) * 4
            cells += ["" if isinstance(x, float) and math.isnan(x) else x for x in numbers]
        yield cells


def harmless(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text
