"""A board as a table of a paper: what LaTeX and Markdown show alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmark.batteries import frozen_batteries
from benchmark.headline import NAME, headline_probes
from leaderboard.board import Board
from leaderboard.board.cell_texts import NEAR, count_text
from leaderboard.board.columns import Column
from leaderboard.board.rows import Cell, Row
from leaderboard.formatting.texts import ABSENT, probe_text
from leaderboard.store.seeds import seed_text
from models_zoo.card import Card

HASH_DIGITS = 12
"""Digits of hashes in a caption, enough to tell them apart."""


@dataclass(frozen=True)
class PaperCell:
    """A score.

    Attributes:
        value: as text, without the sign of its unit.
        interval: the 95% interval as text; empty where there is none.
        best: whether it is the best of its column.
        near: whether the best cannot be distinguished from it.
    """

    value: str
    interval: str
    best: bool
    near: bool


@dataclass(frozen=True)
class PaperRow:
    """A model.

    Attributes:
        rank: as text; empty where it has none.
        name: the model's, with what distinguishes it from others of its name.
        flagged: whether a check raised a flag.
        cells: one per column.
    """

    rank: str
    name: str
    flagged: bool
    cells: list[PaperCell]


@dataclass(frozen=True)
class PaperTable:
    """A table with its caption, in plain text that formats still have to escape.

    Attributes:
        name: of the board, for labels.
        heads: heading of each score, with its direction.
        rows: best first.
        caption: sentences: battery, images, budgets, and what the marks mean.
        intervals: whether any cell has an interval.
        origin: hashes in full, for a comment.
        licence: of the results; may be empty.
    """

    name: str
    heads: list[tuple[str, bool | None]]
    rows: list[PaperRow]
    caption: list[str]
    intervals: bool
    origin: str
    licence: str


def paper_table(board: Board, *, intervals: bool = True, licence: str = "") -> PaperTable:
    """The table of a board.

    Args:
        board: with the rows and columns to show.
        intervals: whether cells have intervals.
        licence: of the results, as an SPDX identifier.
    """
    start = _common_start([row.summary.card for row in board.rows])
    rows = [_row(row, board.columns, start, intervals=intervals) for row in board.rows]
    heads = [(_head(column), column.spec.higher_is_better) for column in board.columns]
    seeds = sorted({row.summary.seed for row in board.rows})
    of = " of nonsingular" if board.battery_sha256 in frozen_batteries() else ""
    caption = [
        f"Battery {board.battery}{of} (SHA-256 {board.battery_sha256[:HASH_DIGITS]}) on "
        f"{count_text(board.examples)} {_images(board)}{_other_counts(board)}, "
        f"{', '.join(map(seed_text, seeds))}.",
    ]
    shown = {name for column in board.columns for name in _probes(column)}
    titles = {probe_text(name).title for name in shown}
    budgets = [f"{title}: {text}" for title, text in board.budgets if title in titles]
    if budgets:
        caption.append(f"Budgets: {'; '.join(budgets)}.")
    caption += _marks(board, rows)
    origin = f"battery SHA-256 {board.battery_sha256}, data SHA-256 {board.data_sha256}"
    has_intervals = any(cell.interval for row in rows for cell in row.cells)
    return PaperTable(board.name, heads, rows, caption, has_intervals, origin, licence)


def _images(board: Board) -> str:
    if board.own_data:
        return f"own {board.example}s (not those of the battery's data set)"
    return f"test {board.example}s"


def _probes(column: Column) -> Sequence[str]:
    """The probes whose budgets a column is about."""
    return headline_probes() if column.probe == NAME else (column.probe,)


NEAR_MARK, FLAG = "\N{DAGGER}", "\N{DOUBLE DAGGER}"
"""Marks of scores that the best cannot be distinguished from, and of flags."""

RANGES = (
    "Ranks by non-singular robust accuracy: from 1 plus the number of significantly better models "
    "to the number of models less that of significantly worse ones."
)
"""Explains ranks of which one is a range."""


def _marks(board: Board, rows: list[PaperRow]) -> list[str]:
    said = []
    cells = [cell for row in rows for cell in row.cells]
    if any(cell.best for cell in cells):
        said.append("Bold: the best of its column.")
    if any(cell.near for cell in cells):
        said.append(f"{NEAR_MARK}: {NEAR.removeprefix(', ')}.")
    if any(row.rank and not row.rank.isdecimal() for row in rows):
        said.append(RANGES)
    if any(row.flagged for row in rows):
        said.append(f"{FLAG}: a check found a reason to distrust the scores.")
    return said


def _common_start(cards: Sequence[Card]) -> str:
    """The data set at the beginning of all names, which the battery's name says already."""
    starts = {f"{card.dataset}/" for card in cards}
    start = starts.pop() if len(starts) == 1 else ""
    return start if all(card.name.startswith(start) for card in cards) else ""


def _row(row: Row, columns: list[Column], start: str, *, intervals: bool) -> PaperRow:
    rank = "" if row.rank is None else row.rank.text
    note = f" ({row.distinguish})" if row.distinguish else ""
    pairs = zip(columns, row.cells, strict=True)
    return PaperRow(
        rank,
        row.summary.card.name.removeprefix(start) + note,
        bool(row.summary.flags),
        [_cell(column, cell, intervals=intervals) for column, cell in pairs],
    )


def _cell(column: Column, cell: Cell, *, intervals: bool) -> PaperCell:
    value = cell.text.removesuffix("%") if column.spec.unit == "share" else cell.text
    shown = cell.interval if intervals and value != ABSENT else ""
    return PaperCell(value, shown, cell.mark == "best", cell.mark == "near")


def _head(column: Column) -> str:
    unit = {"share": " (%)", "nats": " (nats)"}.get(column.spec.unit, "")
    return f"{column.spec.label}{unit}"


def _other_counts(board: Board) -> str:
    """Columns whose scores are over another number of examples or draws than the board's."""
    said = []
    for place, column in enumerate(board.columns):
        counts = {row.cells[place].n for row in board.rows} - {0}
        if counts and counts != {board.examples}:
            low, high = min(counts), max(counts)
            n = count_text(low) if low == high else f"{count_text(low)} to {count_text(high)}"
            said.append(f"{column.spec.label}: n = {n}")
    return f" ({'; '.join(said)})" if said else ""
