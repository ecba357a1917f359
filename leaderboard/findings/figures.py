"""The charts of the findings: points with intervals, one against another, and lines."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
from rich.cells import cell_len

from benchmark.results import Score
from leaderboard.charts.curves import drawn_ends
from leaderboard.charts.labels import distinct, short
from leaderboard.charts.style import COLORS, SHAPES, Layers, domain, styled
from leaderboard.findings.finding import Figure
from leaderboard.findings.panels import Checkpoint

_WIDTH, _HEIGHT, _ROW = 420, 260, 22
_NAME = 30
"""Width of the longest name, in columns of a terminal."""

_CHARACTER = 6.6
"""Width of a label's character in pixels; a reader's font may be wider than the drawing's."""


def scatter(
    points: Sequence[tuple[Checkpoint, Score, Score]], x: str, y: str, shares: tuple[bool, bool]
) -> Layers:
    """A point with its two intervals for each checkpoint, colored by recipe.

    Args:
        points: checkpoint, horizontal and vertical score.
        x: what the horizontal axis shows.
        y: what the vertical axis shows.
        shares: whether each of the two is a share of examples.
    """
    data: list[dict[str, Any]] = [
        {"recipe": short(checkpoint.recipe, _NAME)} | _ends("x", first) | _ends("y", second)
        for checkpoint, first, second in points
        if _finite(first, second)
    ]
    axes = [_axis(title, share) for title, share in zip((x, y), shares, strict=True)]
    color, shape = _legends([row["recipe"] for row in data])
    base = alt.Chart(alt.InlineData(values=data)).encode(color=color)
    across = base.mark_rule(opacity=0.5).encode(
        x=alt.X("x_low:Q", **axes[0]), x2="x_high:Q", y=alt.Y("y:Q", **axes[1])
    )
    along = base.mark_rule(opacity=0.5).encode(
        x=alt.X("x:Q", **axes[0]), y=alt.Y("y_low:Q", **axes[1]), y2="y_high:Q"
    )
    marks = base.mark_point(filled=True, opacity=0.9, size=80).encode(
        x=alt.X("x:Q", **axes[0]), y=alt.Y("y:Q", **axes[1]), shape=shape
    )
    return styled(alt.layer(across, along, marks), _WIDTH, _HEIGHT)


def dots(rows: Sequence[tuple[Checkpoint, Score]], x: str, *, share: bool) -> Layers:
    """A row with a point and its interval for each checkpoint, colored by recipe."""
    names = distinct((checkpoint.name for checkpoint, _ in rows), _NAME)
    data: list[dict[str, Any]] = [
        {"name": names[checkpoint.name], "recipe": short(checkpoint.recipe, _NAME)}
        | _ends("x", score)
        for checkpoint, score in rows
        if _finite(score)
    ]
    axis = _axis(x, share)
    color, shape = _legends([row["recipe"] for row in data])
    order = [row["name"] for row in sorted(data, key=lambda row: -row["x"])]
    room = _CHARACTER * max(map(cell_len, order), default=0)
    labels = alt.Axis(grid=True, minExtent=min(room, 200))
    base = alt.Chart(alt.InlineData(values=data)).encode(
        y=alt.Y("name:N", title=None, sort=order, axis=labels),
        color=color,
    )
    ranges = base.mark_rule(opacity=0.6, strokeWidth=2).encode(
        x=alt.X("x_low:Q", **axis), x2="x_high:Q"
    )
    marks = base.mark_point(filled=True, opacity=1, size=80).encode(
        x=alt.X("x:Q", **axis), shape=shape
    )
    return styled(alt.layer(ranges, marks), _WIDTH, max(60, _ROW * len(set(order))))


def lines(
    series: Mapping[str, Sequence[tuple[float, Score]]], x: str, y: str, *, share: bool
) -> Layers:
    """A line over budgets for each name."""
    names = list(distinct(series, _NAME).values())
    data = [
        {"series": name, "x": budget, "y": score.value}
        for name, budgets in zip(names, series.values(), strict=True)
        for budget, score in budgets
        if _finite(score)
    ]
    color, shape = _legends(names, "series")
    base = alt.Chart(alt.InlineData(values=data)).encode(
        x=alt.X("x:Q", title=x, axis=alt.Axis(grid=False, tickCount=6)),
        y=alt.Y("y:Q", **_axis(y, share, whole=True)),
        color=color,
    )
    points = base.mark_point(filled=True, opacity=1, size=42).encode(shape=shape)
    return styled(alt.layer(base.mark_line(strokeWidth=2), points), _WIDTH, _HEIGHT)


def described_lines(
    title: str,
    series: Mapping[str, Sequence[tuple[float, Score]]],
    x: str,
    y: str,
    *,
    share: bool,
) -> list[Figure]:
    """The figure of :func:`lines` with all values in words; none without a series."""
    if not series:
        return []
    form = ".0%" if share else ".3g"
    values = " ".join(
        f"{name}: {', '.join(f'{score.value:{form}} at {at:g}' for at, score in points)}."
        for name, points in series.items()
    )
    return [Figure(title, lines(series, x, y, share=share), f"{title}. {values}")]


def _ends(axis: str, score: Score) -> dict[str, Any]:
    low, high = drawn_ends(score)
    return {axis: score.value, f"{axis}_low": low, f"{axis}_high": high}


def _finite(*scores: Score) -> bool:
    return all(math.isfinite(score.value) for score in scores)


def _axis(title: str, share: bool, *, whole: bool = False) -> dict[str, Any]:
    scale = alt.Scale(domain=[0, 1]) if whole else alt.Scale(zero=False, nice=True)
    axis = alt.Axis(format="%" if share else "~r", tickCount=5)
    return {"title": title, "scale": scale, "axis": axis}


def _legends(names: Sequence[str], field: str = "recipe") -> tuple[alt.Color, alt.Shape]:
    known = list(dict.fromkeys(names))
    return (
        alt.Color(f"{field}:N", title=None, scale=domain(known, COLORS)),
        alt.Shape(f"{field}:N", title=None, scale=domain(known, SHAPES)),
    )
