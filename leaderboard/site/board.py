"""The tables of the front page: one a battery and data set, never two mixed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from benchmark.results import ScoreSpec
from leaderboard.site.charts import Picture
from leaderboard.site.overview import overview
from leaderboard.site.svg import Painter
from leaderboard.site.texts import ABSENT, interval, number, plain, probe_text, probe_texts
from leaderboard.store import Entry

RANKED_BY = ("nonsingular", "robust_accuracy")
"""Probe and score of the column that ranks the models."""


@dataclass(frozen=True)
class Column:
    """A headline score: its probe, its name there and what it means."""

    probe: str
    name: str
    spec: ScoreSpec


@dataclass(frozen=True)
class Cell:
    """A score in a table.

    Attributes:
        text: the value as shown.
        interval: the 95% interval as shown, or ``None``.
        title: both in words, with the number of examples.
        value: what it is sorted by; ``None`` where the probe was not run.
        best: whether nobody on the board has a better one.
    """

    text: str
    interval: str | None
    title: str
    value: float | None
    best: bool


@dataclass(frozen=True)
class Row:
    """A model on a board.

    Attributes:
        rank: place from 1; ``None`` where the ranking score is missing.
        flags: how many checks raised a flag; ``None`` where none was made.
    """

    rank: int | None
    entry: Entry
    page: str
    cells: list[Cell]
    flags: int | None
    distinguish: str


@dataclass(frozen=True)
class Board:
    """All models scored with one battery on one data set.

    Attributes:
        anchor: id of its section, unique on the page.
        entry: any of its entries: battery and data are the same in all.
        battery_page: path of the battery's page.
        columns: headline scores that at least one of its models has.
        rows: best first.
        checked: whether checks were made of any of its models.
        budgets: the battery's headline budgets: a probe's title and its settings in words.
        picture: input against weight robustness.
    """

    anchor: str
    entry: Entry
    battery_page: str
    columns: list[Column]
    rows: list[Row]
    checked: bool
    budgets: list[tuple[str, str]]
    picture: Picture | None


def make_boards(
    entries: Sequence[Entry],
    model_pages: dict[str, str],
    battery_pages: dict[str, str],
    painter: Painter,
) -> list[Board]:
    """Boards by battery name, the one with most models first among those of a battery.

    Args:
        entries: what the store holds.
        model_pages: path of a model's page, by fingerprint.
        battery_pages: path of a battery's page, by hash.
        painter: draws the pictures.
    """

    def key(entry: Entry) -> tuple[str, str, str]:
        where = entry.provenance
        return where.battery, where.battery_sha256, where.data_sha256

    groups = [list(group) for _, group in groupby(sorted(entries, key=key), key=key)]
    groups.sort(key=lambda group: (group[0].provenance.battery, -len(group)))
    return [
        _board(f"board-{place}", group, model_pages, battery_pages, painter)
        for place, group in enumerate(groups, 1)
    ]


def _board(
    anchor: str,
    entries: list[Entry],
    model_pages: dict[str, str],
    battery_pages: dict[str, str],
    painter: Painter,
) -> Board:
    columns = [
        Column(text.name, name, spec)
        for text in probe_texts().values()
        for name, spec in text.scores.items()
        if spec.headline and any(_has(entry, text.name, name) for entry in entries)
    ]
    ranks = _ranks(entries)
    best = {id(column): _best(entries, column) for column in columns}
    order = sorted(range(len(entries)), key=lambda i: (ranks[i] or math.inf, entries[i].card.name))
    rows = [
        Row(
            rank=ranks[i],
            entry=entries[i],
            page=model_pages[entries[i].provenance.fingerprint],
            cells=[_cell(entries[i], column, best[id(column)]) for column in columns],
            flags=_flags(entries[i]),
            distinguish=_distinguish(entries[i], entries),
        )
        for i in order
    ]
    return Board(
        anchor=anchor,
        entry=entries[0],
        battery_page=battery_pages[entries[0].provenance.battery_sha256],
        columns=columns,
        rows=rows,
        checked=any(row.flags is not None for row in rows),
        budgets=_budgets(entries[0].battery),
        picture=overview(entries, painter),
    )


def _budgets(battery: dict[str, Any]) -> list[tuple[str, str]]:
    """The headline settings of a battery's default probes, such as ``linf 0.2; l2 1``."""
    budgets = []
    for probe in battery.get("default", ()):
        settings = battery.get("probes", {}).get(probe, {})
        words = [
            f"{name.removeprefix('headline').strip('_')} {plain(value)}".strip()
            for name, value in settings.items()
            if name.startswith("headline")
        ]
        if words:
            budgets.append((probe_text(probe).title, "; ".join(words)))
    return budgets


def _flags(entry: Entry) -> int | None:
    """How many checks raised a flag, whichever probe made them."""
    flags = [flag for result in entry.results.values() for flag in result.flags]
    return sum(flag.raised for flag in flags) if flags else None


def _has(entry: Entry, probe: str, name: str) -> bool:
    return probe in entry.answers and name in entry.answers[probe].scores


def _value(entry: Entry, probe: str, name: str) -> float | None:
    if not _has(entry, probe, name):
        return None
    value = entry.answers[probe].scores[name].value
    return None if math.isnan(value) else value


def _ranks(entries: list[Entry]) -> list[int | None]:
    """Places from 1; equals share one, and models without the ranking score have none."""
    values = [_value(entry, *RANKED_BY) for entry in entries]
    known = [value for value in values if value is not None]
    return [None if v is None else 1 + sum(other > v for other in known) for v in values]


def _best(entries: list[Entry], column: Column) -> float | None:
    values = [_value(entry, column.probe, column.name) for entry in entries]
    known = [value for value in values if value is not None]
    if column.spec.higher_is_better is None or len(set(known)) < 2:
        return None
    return max(known) if column.spec.higher_is_better else min(known)


def _cell(entry: Entry, column: Column, best: float | None) -> Cell:
    value = _value(entry, column.probe, column.name)
    if not _has(entry, column.probe, column.name):
        return Cell(ABSENT, None, "not run", None, best=False)
    score = entry.answers[column.probe].scores[column.name]
    text, ends = number(score.value, column.spec.unit), interval(score, column.spec.unit)
    between = f", 95% interval {ends}" if ends else ""
    title = f"{text}{between}, n = {score.n:,}"
    return Cell(text, ends, title, value, best=value is not None and value == best)


def _distinguish(entry: Entry, entries: list[Entry]) -> str:
    """What tells a row from others of the same name: fingerprint, seed or both; else nothing."""
    namesakes = [e.provenance for e in entries if e.card.name == entry.card.name]
    here = entry.provenance
    parts = []
    if len({other.fingerprint for other in namesakes}) > 1:
        parts.append(here.fingerprint[:8])
    if len({other.seed for other in namesakes}) > 1:
        parts.append(f"seed {here.seed}")
    return ", ".join(parts)
