"""Pictures of a number over a plane: shaded cells with lines of equal value."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import combinations, pairwise
from typing import Any

import altair as alt

from leaderboard.charts.style import COLORS, INK, Layers, domain, styled

Segment = tuple[float, float, float, float]
"""``x, y, x2, y2``."""

Corner = tuple[float, float, float]
"""``x, y`` and the value there."""

RIGHT, WRONG = "classified correctly", "misclassified"

_SIDE_PIXELS = 300
_LEVELS = 8
_MIN_RANGE = 1e-3

_MIN_DISTANCE = 0.08
"""Minimum distance of two labels, as a share of the plane's side."""


def isolines(
    places: Sequence[float], values: Sequence[Sequence[float]], level: float
) -> list[Segment]:
    """Where a function of the plane takes a value, by linear interpolation in triangles.

    Args:
        places: of the grid along either axis, ascending.
        values: ``values[i][j]`` at ``y = places[i]``, ``x = places[j]``; triangles with one that is
            not finite hold no line.
        level: the value.
    """
    segments = []
    for (y0, low), (y1, high) in pairwise(zip(places, values, strict=True)):
        for (x0, a, c), (x1, b, d) in pairwise(zip(places, low, high, strict=True)):
            first, last = (x0, y0, a), (x1, y1, d)
            for other in ((x1, y0, b), (x0, y1, c)):
                segments += _cut((first, other, last), level)
    return segments


def _cut(triangle: tuple[Corner, Corner, Corner], level: float) -> list[Segment]:
    """The line of a level through a triangle, if there is one."""
    if not all(math.isfinite(corner[2]) for corner in triangle):
        return []
    ends = [
        end
        for one, two in combinations(triangle, 2)
        if (one[2] < level) != (two[2] < level)
        for end in _between(one, two, level)
    ]
    return [(ends[0], ends[1], ends[2], ends[3])] if ends else []


def _between(one: Corner, two: Corner, level: float) -> tuple[float, float]:
    share = (level - one[2]) / (two[2] - one[2])
    return one[0] + share * (two[0] - one[0]), one[1] + share * (two[1] - one[1])


def decision_chart(
    offsets: Sequence[float], margins: Sequence[Sequence[float]], eps: float
) -> Layers:
    """A decision surface: a color for each side, the boundary, and the dashed edge of the budget.

    Both directions are signs, so that the linf ball of radius ``eps`` cuts the plane in the square
    ``|a| + |b| <= eps``.

    Args:
        offsets: along either axis, ascending.
        margins: ``margins[i][j]`` at ``offsets[i]`` upwards and ``offsets[j]`` to the right.
        eps: the linf budget; 0 for none.
    """
    plain = _cells(offsets, margins)
    cells: list[dict[str, Any]] = [
        cell | {"side": RIGHT if cell["value"] > 0 else WRONG, "size": abs(cell["value"])}
        for cell in plain
    ]
    largest = max((abs(cell["value"]) for cell in plain), default=1.0) or 1.0
    shade = alt.Opacity(
        "size:Q",
        scale=alt.Scale(type="sqrt", domain=[0, largest], range=[0.1, 0.8]),
        legend=None,
    )
    color = alt.Color("side:N", title=None, scale=domain([RIGHT, WRONG], COLORS))
    titles = ("a, along the signs of the gradient", "b, along random signs")
    corners = [(eps, 0.0), (0.0, eps), (-eps, 0.0), (0.0, -eps), (eps, 0.0)]
    budget = [(*one, *two) for one, two in pairwise(corners)] if eps else []
    layers = [
        _shaded(offsets, cells, titles).encode(color=color, opacity=shade),
        _lines(isolines(offsets, margins, 0.0), strokeWidth=1.6),
        _lines(budget, strokeWidth=1.1, strokeDash=[4, 3]),
        _centre(),
    ]
    return styled(alt.layer(*layers), _SIDE_PIXELS, _SIDE_PIXELS)


def loss_chart(alphas: Sequence[float], losses: Sequence[Sequence[float]]) -> Layers:
    """A loss over a plane of weights: the darker the larger, with labelled lines of equal loss.

    Args:
        alphas: along either axis, ascending.
        losses: ``losses[i][j]`` at ``alphas[i]`` upwards and ``alphas[j]`` to the right.
    """
    cells = _cells(alphas, losses)
    finite = [max(cell["value"], _MIN_RANGE) for cell in cells] or [1.0]
    shade = alt.Opacity(
        "shown:Q",
        scale=alt.Scale(
            type="log",
            domain=[min(finite), max(max(finite), 1.01 * min(finite))],
            range=[0.05, 0.8],
        ),
        legend=None,
    )
    shown = [cell | {"shown": max(cell["value"], _MIN_RANGE)} for cell in cells]
    titles = ("along the first direction", "along the second direction")
    levels = {
        level: isolines(alphas, losses, level) for level in nice_levels(min(finite), max(finite))
    }
    lines = [segment for segments in levels.values() for segment in segments]
    labels = _apart(
        [label for level, segments in levels.items() for label in _label(segments, f"{level:g}")],
        _MIN_DISTANCE * (alphas[-1] - alphas[0]),
    )
    layers = [
        _shaded(alphas, shown, titles).encode(color=alt.value(COLORS[0]), opacity=shade),
        _lines(lines, strokeWidth=0.8),
        alt.Chart(alt.InlineData(values=labels))
        .mark_text(fontSize=10, color=INK, dy=-6)
        .encode(x="x:Q", y="y:Q", text="text:N"),
        _centre(),
    ]
    return styled(alt.layer(*layers), _SIDE_PIXELS, _SIDE_PIXELS)


def nice_levels(low: float, high: float) -> list[float]:
    """Levels between two positive losses, evenly on a logarithmic scale, to two digits."""
    if not low < high:
        return []
    ratio = (high / low) ** (1 / (_LEVELS + 1))
    levels = (float(f"{low * ratio**place:.2g}") for place in range(1, _LEVELS + 1))
    return list(dict.fromkeys(level for level in levels if low < level < high))


def _cells(places: Sequence[float], values: Sequence[Sequence[float]]) -> list[dict[str, float]]:
    """A square around every point of the grid where the value is finite."""
    half = (places[1] - places[0]) / 2
    return [
        {"x": x - half, "x2": x + half, "y": y - half, "y2": y + half, "value": value}
        for y, row in zip(places, values, strict=True)
        for x, value in zip(places, row, strict=True)
        if math.isfinite(value)
    ]


def _shaded(
    places: Sequence[float], cells: Sequence[Mapping[str, Any]], titles: tuple[str, str]
) -> alt.Chart:
    half = (places[1] - places[0]) / 2
    scale = alt.Scale(domain=[places[0] - half, places[-1] + half], nice=False, zero=False)
    axis = alt.Axis(grid=False, tickCount=5, format="~g")
    chart: alt.Chart = (
        alt.Chart(alt.InlineData(values=cells))
        .mark_rect(strokeWidth=0)
        .encode(
            x=alt.X("x:Q", title=titles[0], scale=scale, axis=axis),
            x2="x2:Q",
            y=alt.Y("y:Q", title=titles[1], scale=scale, axis=axis),
            y2="y2:Q",
        )
    )
    return chart


def _lines(segments: Sequence[Sequence[float]], **style: Any) -> alt.Chart:
    data = [dict(zip(("x", "y", "x2", "y2"), segment, strict=True)) for segment in segments]
    chart: alt.Chart = (
        alt.Chart(alt.InlineData(values=data))
        .mark_rule(color=INK, strokeCap="round", clip=True, **style)
        .encode(x="x:Q", x2="x2:Q", y="y:Q", y2="y2:Q")
    )
    return chart


def _centre() -> alt.Chart:
    """A cross at the position of the model or the image."""
    chart: alt.Chart = (
        alt.Chart(alt.InlineData(values=[{"x": 0, "y": 0}]))
        .mark_point(shape="cross", filled=True, color=INK, opacity=1, size=50)
        .encode(x="x:Q", y="y:Q")
    )
    return chart


def _apart(labels: Sequence[dict[str, Any]], distance: float) -> list[dict[str, Any]]:
    """The labels that can be read: from the outermost inwards, none close to one before."""
    kept: list[dict[str, Any]] = []
    for label in reversed(labels):
        gaps = (math.dist((label["x"], label["y"]), (each["x"], each["y"])) for each in kept)
        if min(gaps, default=math.inf) >= distance:
            kept.append(label)
    return kept


def _label(segments: Sequence[Segment], text: str) -> list[dict[str, Any]]:
    """A label on the segment nearest to the upper right diagonal."""
    middles = [((x + x2) / 2, (y + y2) / 2) for x, y, x2, y2 in segments]
    if not middles:
        return []
    x, y = min(middles, key=lambda at: abs(math.atan2(at[1], at[0]) - math.pi / 4))
    return [{"x": x, "y": y, "text": text}]
