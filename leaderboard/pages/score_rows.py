"""Rows of the tables of scores as HTML.

A large site has hundreds of thousands of them, for which templates take several times as long. All
user input is escaped here.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from markupsafe import Markup, escape

from benchmark.results import Score, ScoreSpec
from leaderboard.formatting.texts import (
    ABSENT,
    SHOWN_UNITS,
    interval_meaning,
    interval_or_reason,
    number,
    plain,
)
from leaderboard.store import Entry

if TYPE_CHECKING:
    from leaderboard.board.columns import Column
    from leaderboard.board.rows import Cell
    from leaderboard.pages.model import FlagLine


def score_rows(scores: Iterable[tuple[ScoreSpec, Score]]) -> Markup:
    """A ``<tr>`` for each score: its name, value, interval, n and meaning."""
    return Markup("".join(_row(spec, score) for spec, score in scores))  # noqa: S704


def _row(spec: ScoreSpec, score: Score) -> str:
    unit = spec.unit
    small = f" <small>{unit}</small>" if unit in SHOWN_UNITS and math.isfinite(score.value) else ""
    before, after = _about(spec)
    ends, reason = interval_or_reason(score, spec)
    return (
        f'<tr>{before}<td class="number">{number(score.value, unit)}{small}</td>'
        f'<td class="number">{ends}{f"<small>{reason}</small>" if reason else ""}</td>'
        f'<td class="number">{score.n:,}</td>{after}</tr>\n'
    )


@cache
def _about(spec: ScoreSpec) -> tuple[str, str]:
    """The cells before and after the numbers, which are the same for every model."""
    return (
        f'<th scope="row">{escape(spec.label)}&#160;{direction(spec)}</th>',
        f'<td class="words" title="{escape(interval_meaning(spec))}">'
        f"{escape(spec.description)}</td>",
    )


def score_cells(cells: Sequence[Cell], columns: Sequence[Column] = ()) -> Markup:
    """A ``<td>`` for each score of a board's row.

    Args:
        cells: the scores.
        columns: their columns; cells of those that are not shown at first are marked as ``extra``.
    """
    extra = [not column.is_usual for column in columns] or [False] * len(cells)
    return Markup("".join(map(_cell, cells, extra)))  # noqa: S704


def _cell(cell: Cell, extra: bool) -> str:
    small = f"<small>{cell.interval}</small>" if cell.interval else ""
    kind = " ".join(filter(None, ["number", "extra" if extra else "", cell.mark]))
    return f'<td class="{kind}" title="{cell.title}"><span>{cell.text}</span>{small}</td>\n'


def flag_rows(lines: Sequence[FlagLine]) -> Markup:
    """A ``<tr>`` for each check: name, whether it raised a flag, measurement, what it found."""
    raised = {True: '<span class="mark">raised</span>', False: "no"}
    rows = (
        f'<tr><th scope="row"><code>{escape(line.flag.name)}</code></th>'
        f'<td>{raised[line.flag.raised]}</td><td class="number">{line.figure}</td>'
        f'<td class="words">{escape(line.flag.saw)}</td><td>{escape(line.probe)}</td></tr>\n'
        for line in lines
    )
    return Markup("".join(rows))  # noqa: S704


def cost_rows(entry: Entry) -> Markup:
    """A ``<tr>`` for each probe: version of its algorithm, cost, device and time."""
    return Markup("".join(_cost(entry, name) for name in entry.results))  # noqa: S704


def _cost(entry: Entry, name: str) -> str:
    cost, where = entry.results[name].cost, entry.provenances[name]
    created = escape(where.created)
    return (
        f'<tr><th scope="row">{escape(name)}</th><td class="number">{where.algorithm(name)}</td>'
        f'<td class="number">{cost.seconds:,.2f}</td>'
        f'<td class="number">{cost.forwards:,}</td><td class="number">{cost.backwards:,}</td>'
        f'<td class="number">{memory(cost.peak_memory)}</td><td>{escape(where.device)}</td>'
        f'<td class="number">{where.threads}</td><td>{where.isolation or "none"}</td>'
        f'<td><time datetime="{created}">'
        f"{created[:16].replace('T', ' ')}</time></td></tr>\n"
    )


def terms(items: Mapping[str, Any]) -> Markup:
    """Settings as pairs of ``<dt>`` and ``<dd>``."""
    pairs = (
        f"<div><dt>{escape(name)}</dt><dd>{escape(plain(value))}</dd></div>\n"
        for name, value in items.items()
    )
    return Markup("".join(pairs))  # noqa: S704


def memory(octets: int) -> str:
    """An amount of memory, in megabytes."""
    return f"{octets / 1e6:,.0f} MB" if octets else ABSENT


def direction(spec: ScoreSpec) -> Markup:
    """An arrow in the better direction of a score, with a text alternative."""
    if spec.higher_is_better is None:
        return Markup("")
    word, arrow = ("higher", "↑") if spec.higher_is_better else ("lower", "↓")
    return Markup(  # noqa: S704 - contains no user input
        f'<span class="arrow" title="{word} is better" aria-hidden="true">{arrow}</span>'
        f'<span class="unseen">, {word} is better</span>'
    )
