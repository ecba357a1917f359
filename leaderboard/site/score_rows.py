"""The rows of a table of scores, of which a site with many models has hundreds of thousands."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

from markupsafe import Markup, escape

from benchmark.results import ScoreSpec
from leaderboard.texts import SHOWN_UNITS

if TYPE_CHECKING:
    from leaderboard.site.model_page import ScoreLine


def score_rows(lines: Sequence[ScoreLine]) -> Markup:
    """A ``<tr>`` for each score: its name, value, interval, number and what it says."""
    return Markup("").join(map(_row, lines))


def _row(line: ScoreLine) -> Markup:
    unit = line.spec.unit
    small = f" <small>{escape(unit)}</small>" if unit in SHOWN_UNITS and line.finite else ""
    before, after = _about(line.spec)
    return Markup(  # noqa: S704 - what is not escaped here was made here
        f'<tr>{before}<td class="number">{escape(line.text)}{small}</td>'
        f'<td class="number">{escape(line.interval)}</td><td class="number">{line.n:,}</td>'
        f"{after}</tr>\n"
    )


@cache
def _about(spec: ScoreSpec) -> tuple[str, str]:
    """The cells before and after the numbers, which are the same for every model."""
    return (
        f'<th scope="row">{escape(spec.label)}&#160;{direction(spec)}</th>',
        f'<td class="words">{escape(spec.description)}</td>',
    )


def direction(spec: ScoreSpec) -> Markup:
    """An arrow that says which end of a score is better, and the same in words."""
    if spec.higher_is_better is None:
        return Markup("")
    word, arrow = ("higher", "↑") if spec.higher_is_better else ("lower", "↓")
    return Markup(  # noqa: S704 - no text of anybody's
        f'<span class="arrow" title="{word} is better" aria-hidden="true">{arrow}</span>'
        f'<span class="unseen">, {word} is better</span>'
    )
