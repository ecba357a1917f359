"""The rows of a board: models with their scores as shown."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from benchmark.probes import PROBES
from benchmark.probes.probe import ProfileShare
from benchmark.statistics import differs
from leaderboard.board.cell_texts import (
    PROFILE_SHARE,
    place_text,
    score_title,
)
from leaderboard.board.columns import Column
from leaderboard.board.members import Member, costliest, members_of
from leaderboard.board.ranking import Rank, Ranking, discordant, rank_models
from leaderboard.effects import difference
from leaderboard.formatting.texts import ABSENT, interval, number
from leaderboard.store import Summary
from leaderboard.store.seeds import seed_text
from leaderboard.store.summaries import count


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
        mark: ``"best"`` of its column, ``"near"`` where it does not differ significantly from the
            best, else empty.
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
        tie: what its rank says, as text; empty if it has none.
        cells: one per column.
        members: what each adversary of the headline costs it; none where one was not run.
        costliest: the member that costs most; ``None`` if none costs anything.
        profile: percentages of :func:`profile_shares`; ``None`` where a probe was not run.
        distinguish: text that distinguishes it from others of the same name; may be empty.
    """

    summary: Summary
    page: str
    rank: Rank | None
    tie: str
    cells: list[Cell]
    members: list[Member]
    costliest: Member | None
    profile: list[int | None]
    distinguish: str

    @property
    def costs_most(self) -> str:
        """The adversary that costs it most, with the points it costs."""
        return self.costliest.text if self.costliest else ABSENT


def ranking_of(summaries: Sequence[Summary]) -> Ranking:
    """Ranks by non-singular robust accuracy.

    Args:
        summaries: one battery, one data set.
    """
    bits = [summary.outcomes.get("nonsingular.headline") for summary in summaries]
    return rank_models(bits, summaries[0].examples)


def make_rows(
    summaries: Sequence[Summary],
    columns: Sequence[Column],
    pages: dict[str, str],
    ranking: Ranking,
) -> list[Row]:
    """Rows, best first; models without a rank come last, or by the first column if none has one.

    Args:
        summaries: one battery, one data set.
        columns: the columns of the board.
        pages: path of a model's page, by fingerprint.
        ranking: of the summaries.
    """
    table = [_cells(summaries, column) for column in columns]
    names = [summary.card.name for summary in summaries]
    namesakes: dict[str, list[Summary]] = {}
    for summary in summaries:
        namesakes.setdefault(summary.card.name, []).append(summary)
    rows = [
        Row(
            summary,
            pages[summary.fingerprint],
            rank,
            place_text(rank, names) if rank else "",
            [column[index] for column in table],
            members,
            costliest(members),
            _profile(summary),
            _distinguish(summary, namesakes[summary.card.name]),
        )
        for index, (summary, rank) in enumerate(zip(summaries, ranking.ranks, strict=True))
        for members in [members_of(summary)]
    ]
    if columns and all(row.rank is None for row in rows):
        return sorted(rows, key=partial(_order_by_first, up=columns[0].spec.higher_is_better))
    return sorted(rows, key=_order)


def template_row(row: Row) -> Row:
    """A row with every part that rows may have, of which the script of a board makes the others.

    Args:
        row: any row of the board.
    """
    card = row.summary.card.model_copy(update={"name": "{name}", "paper": TEMPLATE_PAPER})
    summary = replace(row.summary, card=card, submitted=True, flags=1)
    cells = [TEMPLATE_CELL for _ in row.cells]
    rank = Rank(1, 1, models=1, better=0, worse=0)
    profile: list[int | None] = [0 for _ in row.profile]
    return Row(summary, "index.html", rank, "{tie}", cells, [], None, profile, "{note}")


def _order(row: Row) -> tuple[float, float, str]:
    if row.rank is None:
        return 1, 0, row.summary.card.name
    score = row.summary.scores["nonsingular.robust_accuracy"].value
    return 0, -score, row.summary.card.name


def _order_by_first(row: Row, *, up: bool | None) -> tuple[float, str]:
    value = row.cells[0].value
    if value is None or up is None:
        return math.inf, row.summary.card.name
    return -value if up else value, row.summary.card.name


def profile_words(row: Row) -> str:
    """A row's profile as text."""
    pairs = zip(profile_shares().values(), row.profile, strict=True)
    return ", ".join(
        PROFILE_SHARE.format(label=share.label, percent=percent)
        for share, percent in pairs
        if percent is not None
    )


def _cells(summaries: Sequence[Summary], column: Column) -> list[Cell]:
    scores = [summary.scores.get(column.key) for summary in summaries]
    known = [i for i, s in enumerate(scores) if s is not None and not math.isnan(s.value)]
    values = {i: s.value for i in known if (s := scores[i]) is not None}
    up = column.spec.higher_is_better
    distinct = len(set(values.values())) > 1 and up is not None
    best = (max if up else min)(known, key=values.__getitem__) if distinct else None
    cells = []
    for index, score in enumerate(scores):
        if score is None:
            cells.append(Cell(ABSENT, "", None, 0))
            continue
        mark = ""
        if best is not None and index in values:
            if values[index] == values[best]:
                mark = "best"
            elif _near(summaries[index], summaries[best], column):
                mark = "near"
        text, ends = number(score.value, column.spec.unit), interval(score, column.spec.unit)
        cells.append(Cell(text, ends or "", values.get(index), score.n, mark))
    return cells


def _near(one: Summary, best: Summary, column: Column) -> bool:
    """Whether two scores do not differ significantly: over the same examples where they can be."""
    pair = _share_of(one, best, column)
    if pair is not None:
        return not differs(*discordant(*pair))
    scores = [summary.scores[column.key] for summary in (one, best)]
    if not all(score.interval for score in scores):
        return False  # without an interval nothing says that they are close
    return difference(*scores).sign == 0


def _share_of(one: Summary, best: Summary, column: Column) -> tuple[bytes, bytes] | None:
    """The packed outcomes that both scores are the share of, if there are such."""
    names = [name for name in one.outcomes if name.startswith(f"{column.probe}.")]
    names.sort(key=lambda name: not name.endswith(".headline"))
    found = [name for name in names if _is_share(one, name, column)]
    found = [name for name in found if _is_share(best, name, column)]
    if not found or (len(found) > 1 and not found[0].endswith(".headline")):
        return None
    pair = one.outcomes[found[0]], best.outcomes[found[0]]
    return pair if len(pair[0]) == len(pair[1]) else None


def _is_share(summary: Summary, outcome: str, column: Column) -> bool:
    score, bits = summary.scores[column.key], summary.outcomes.get(outcome)
    same = bits is not None and abs(count(bits) - score.value * score.n) < 1e-6
    return same and score.n == summary.examples


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
        parts.append(seed_text(summary.seed))
    return ", ".join(parts)
