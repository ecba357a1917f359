"""The top of a model's page: its headline scores on all batteries, side by side."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from benchmark.results import Score, ScoreSpec
from leaderboard.board.columns import headline_scores
from leaderboard.formatting.texts import interval, number, probe_text
from leaderboard.store import Entry


@dataclass(frozen=True)
class HeadlineCell:
    """A headline score as shown.

    Attributes:
        text: the score.
        interval: its 95% interval, where there is one.
        ends: value and ends of the interval in [0, 1], for the cell's bar; ``None`` if the score is
            not a share.
        place: number of the evaluation on the page, from 1; part of the ids of its sections.
    """

    text: str
    interval: str | None
    ends: tuple[float, float, float] | None
    place: int


@dataclass(frozen=True)
class HeadlineRow:
    """A headline score on every evaluation; ``None`` if the probe was not run."""

    probe: str
    spec: ScoreSpec
    cells: list[HeadlineCell | None]


def headline_rows(entries: Sequence[Entry]) -> list[HeadlineRow]:
    """The headline scores that at least one entry has, in the order of the probes."""
    answers = [entry.answers for entry in entries]
    rows = []
    for probe, name in headline_scores(entry.battery for entry in entries):
        specs = [probe_text(probe, entry.battery).spec(name) for entry in entries]
        # One score may mean two things on two batteries: a row each.
        for spec in dict.fromkeys(each for each in specs if each.headline):
            cells = [
                _cell(answer[probe].scores[name], spec, place)
                if own == spec and probe in answer and name in answer[probe].scores
                else None
                for place, (answer, own) in enumerate(zip(answers, specs, strict=True), 1)
            ]
            if any(cells):
                rows.append(HeadlineRow(probe, spec, cells))
    return rows


def _cell(score: Score, spec: ScoreSpec, place: int) -> HeadlineCell:
    ends = None
    if spec.unit == "share" and all(map(math.isfinite, (score.value, score.low, score.high))):
        value, low, high = (min(max(end, 0.0), 1.0) for end in (score.value, score.low, score.high))
        ends = (value, low, high)
    return HeadlineCell(number(score.value, spec.unit), interval(score, spec.unit), ends, place)
