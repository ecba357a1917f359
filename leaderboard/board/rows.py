"""The rows of a board: models with their scores as shown."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from benchmark.probes import PROBES
from benchmark.probes.probe import ProfileShare
from benchmark.results import Score
from leaderboard.board.cell_texts import (
    FIRST_OF_RANK,
    PROFILE_SHARE,
    behind_text,
    score_title,
)
from leaderboard.board.columns import Column
from leaderboard.board.members import Member, costliest, members_of
from leaderboard.board.ranking import Rank, rank_models
from leaderboard.formatting.texts import ABSENT, interval, number
from leaderboard.store import Summary


def profile_shares() -> dict[str, ProfileShare]:
    """The shares in a row's small picture, by ``<probe>.<score>``."""
    return {
        f"{name}.{probe.profile.score}": probe.profile
        for name, probe in PROBES.items()
        if probe.profile is not None
    }


@dataclass(frozen=True)
class Cell:
    """A score in a table.

    Attributes:
        text: the value as shown.
        interval: the 95% interval as shown; empty where there is no sampling.
        value: sort key; ``None`` if the probe was not run.
        n: number of examples.
        mark: ``"best"`` of its column, ``"near"`` where the intervals of it and the best overlap,
            else empty.
    """

    text: str
    interval: str
    value: float | None
    n: int
    mark: str = ""

    @property
    def title(self) -> str:
        """Score, interval and n as one text."""
        return score_title(self.text, self.interval, self.n, near=self.mark == "near")


TEMPLATE_CELL = Cell("{text}", "{interval}", None, 1)
"""A cell with every part that cells may have, see :func:`template_row`."""

TEMPLATE_PAPER = "https://paper"
"""The paper of a row with every part."""


@dataclass(frozen=True)
class Row:
    """A model on a board.

    Attributes:
        summary: its stored results.
        page: path of its page.
        rank: its rank; ``None`` where the ranking score is missing.
        tie: why it shares its rank, as text; empty if it does not.
        cells: one per column.
        members: what each adversary of the headline costs it; none where one was not run.
        profile: percentages of :func:`profile_shares`; ``None`` where a probe was not run.
        distinguish: text that distinguishes it from others of the same name; may be empty.
    """

    summary: Summary
    page: str
    rank: Rank | None
    tie: str
    cells: list[Cell]
    members: list[Member]
    profile: list[int | None]
    distinguish: str

    @property
    def costliest(self) -> str:
        """The adversary that costs it most, with the points it costs."""
        most = costliest(self.members)
        return most.text if most else ABSENT


def make_rows(
    summaries: Sequence[Summary], columns: Sequence[Column], pages: dict[str, str]
) -> list[Row]:
    """Rows, best first; models without a rank come last.

    Args:
        summaries: one battery, one data set.
        columns: the columns of the board.
        pages: path of a model's page, by fingerprint.
    """
    bits = [summary.outcomes.get("nonsingular.headline") for summary in summaries]
    ranks = rank_models(bits, summaries[0].examples)
    table = [_cells([s.scores.get(c.key) for s in summaries], c) for c in columns]
    namesakes: dict[str, list[Summary]] = {}
    for summary in summaries:
        namesakes.setdefault(summary.card.name, []).append(summary)
    rows = [
        Row(
            summary,
            pages[summary.fingerprint],
            rank,
            _tie(rank, index, summaries),
            [column[index] for column in table],
            members_of(summary),
            _profile(summary),
            _distinguish(summary, namesakes[summary.card.name]),
        )
        for index, (summary, rank) in enumerate(zip(summaries, ranks, strict=True))
    ]
    return sorted(rows, key=_order)


def template_row(row: Row) -> Row:
    """A row with every part that rows may have, of which the script of a board makes the others.

    Args:
        row: any row of the board.
    """
    card = row.summary.card.model_copy(update={"name": "{name}", "paper": TEMPLATE_PAPER})
    summary = replace(row.summary, card=card, submitted=True, flags=1)
    cells = [TEMPLATE_CELL for _ in row.cells]
    rank = Rank(1, shared=True, leader=0, behind=(0.0, 0.0, 0.0))
    profile: list[int | None] = [0 for _ in row.profile]
    return Row(summary, "index.html", rank, "{tie}", cells, [], profile, "{note}")


def _order(row: Row) -> tuple[float, float, str]:
    if row.rank is None:
        return math.inf, 0, row.summary.card.name
    score = row.summary.scores["nonsingular.robust_accuracy"].value
    return row.rank.number, -score, row.summary.card.name


def profile_words(row: Row) -> str:
    """A row's profile as text."""
    pairs = zip(profile_shares().values(), row.profile, strict=True)
    return ", ".join(
        PROFILE_SHARE.format(label=share.label, percent=percent)
        for share, percent in pairs
        if percent is not None
    )


def _tie(rank: Rank | None, index: int, summaries: Sequence[Summary]) -> str:
    if rank is None or not rank.shared:
        return ""
    if rank.leader == index:
        return FIRST_OF_RANK
    return behind_text(summaries[rank.leader].card.name, rank.behind)


def _cells(scores: Sequence[Score | None], column: Column) -> list[Cell]:
    known = [s for s in scores if s is not None and not math.isnan(s.value)]
    up = column.spec.higher_is_better
    distinct = len({score.value for score in known}) > 1 and up is not None
    best = (max if up else min)(known, key=lambda score: score.value) if distinct else None
    cells = []
    for score in scores:
        if score is None:
            cells.append(Cell(ABSENT, "", None, 0))
            continue
        value = None if math.isnan(score.value) else score.value
        mark = ""
        if best is not None and value is not None:
            overlap = score.low <= best.high and score.high >= best.low
            mark = "best" if value == best.value else "near" if overlap else ""
        text, ends = number(score.value, column.spec.unit), interval(score, column.spec.unit)
        cells.append(Cell(text, ends or "", value, score.n, mark))
    return cells


def _profile(summary: Summary) -> list[int | None]:
    scores = [(summary.scores.get(key), share) for key, share in profile_shares().items()]
    return [
        None
        if score is None or not math.isfinite(score.value)
        else round(100 * (1 - score.value if share.complement else score.value))
        for score, share in scores
    ]


def _distinguish(summary: Summary, namesakes: Sequence[Summary]) -> str:
    """Fingerprint, seed or both, if other rows have the same name; else empty."""
    parts = []
    if len({other.fingerprint for other in namesakes}) > 1:
        parts.append(summary.fingerprint[:8])
    if len({other.seed for other in namesakes}) > 1:
        parts.append(f"seed {summary.seed}")
    return ", ".join(parts)
