"""Bar charts of named things, such as layers, with their text alternatives."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from typing import Any

import altair as alt

from benchmark.results import Bars
from leaderboard.charts.curves import Picture, drawn_ends, titled, written
from leaderboard.charts.labels import distinct, short
from leaderboard.charts.style import COLORS, INK, filled, in_order, styled
from leaderboard.charts.svg import Painter
from leaderboard.formatting.texts import ABSENT, number

_WIDTH, _BAR = 330, 15
"""Width of the drawing and height of a bar, in pixels."""

_NAME, _SERIES = 25, 30
"""Maximum width of the name of a bar and of a series, in columns of a terminal."""

_MAX_DESCRIBED = 12


def bars_pictures(bars: Sequence[Bars], painter: Painter, model: str) -> list[Picture]:
    """One chart for all bars with the same picture name and axes.

    Args:
        bars: a probe's bars.
        painter: draws them.
        model: name of the model, for the descriptions.
    """
    groups: dict[tuple[str, str, str], list[Bars]] = {}
    for each in bars:
        groups.setdefault((each.picture, each.x_label, each.y_label), []).append(each)
    return [_picture(group, painter, model) for group in groups.values()]


def _picture(bars: Sequence[Bars], painter: Painter, model: str) -> Picture:
    first, unit = bars[0], bars[0].unit
    names = list(dict.fromkeys(name for each in bars for name in each.names))
    title = titled(first.picture)
    values_text = " ".join(
        f"{name}: {number(score.value, unit)}{f' ({each.series})' if len(bars) > 1 else ''}."
        for each in bars
        for name, score in zip(each.names[:_MAX_DESCRIBED], each.y, strict=False)
    )
    description = f"{title} of {model}: {first.y_label} by {first.x_label}. {values_text}"
    svg, file = painter.draw(_chart(bars, names, unit), description)
    scores = [dict(zip(each.names, each.y, strict=True)) for each in bars]
    rows = [
        [name, *(written(s[name], unit) if name in s else ABSENT for s in scores)] for name in names
    ]
    return Picture(title, svg, file, [first.x_label, *(each.series for each in bars)], rows)


def _chart(bars: Sequence[Bars], names: Sequence[str], unit: str) -> dict[str, Any]:
    of_series = distinct((each.series for each in bars), _SERIES)
    series = [of_series[each.series] for each in bars]
    labels = distinct(names, _NAME)
    data = [
        {"name": labels[name], "series": own, "y": s.value, "low": low, "high": high}
        for own, each in zip(series, bars, strict=True)
        for name, s in zip(each.names, each.y, strict=True)
        if math.isfinite(s.value)
        for low, high in [drawn_ends(s)]
    ]
    spec: dict[str, Any] = filled(
        _blank_chart(share=unit == "share", legend=len(series) > 1),
        {
            "<data>": data,
            "<x>": short(bars[0].y_label),
            "<names>": [labels[name] for name in names],
            "<series>": series,
            "<colors>": in_order(COLORS, len(series)),
        },
    )
    return spec | {"height": _BAR * len(names) * max(len(series), 1) + 8}


@cache
def _blank_chart(*, share: bool, legend: bool) -> dict[str, Any]:
    """A chart with placeholders: a row per name, with a bar and its interval per series."""
    scale = alt.Scale(domain=[0, 1]) if share else alt.Scale(zero=True, nice=True)
    axis = alt.Axis(format="%" if share else "~f", tickCount=5)

    def x(field: str) -> alt.X:
        return alt.X(field, title="<x>", scale=scale, axis=axis)

    base = alt.Chart(alt.InlineData(values=["<data>"])).encode(
        y=alt.Y(
            "name:N",
            title=None,
            sort=["<names>"],
            axis=alt.Axis(grid=False, ticks=False, domain=False),
        ),
        yOffset=alt.YOffset("series:N", sort=["<series>"]),
    )
    bar = base.mark_bar().encode(
        x=x("y:Q"),
        color=alt.Color(
            "series:N",
            title=None,
            scale=alt.Scale(domain=["<series>"], range=["<colors>"]),
            legend=alt.Legend() if legend else None,
        ),
    )
    whisker = base.mark_rule(color=INK, strokeWidth=1).encode(x=x("low:Q"), x2="high:Q")
    return styled(alt.layer(bar, whisker), _WIDTH, _BAR).to_dict()
