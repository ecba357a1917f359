"""Pictures of curves over budgets, each with its text alternative."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import altair as alt
from markupsafe import Markup

from benchmark.results import Curve, Score
from leaderboard.charts.labels import distinct, short
from leaderboard.charts.style import COLORS, SHAPES, filled, in_order, styled
from leaderboard.charts.svg import Painter
from leaderboard.formatting.texts import ABSENT, interval, number

_WIDTH, _HEIGHT = 330, 210
_SERIES, _TICK = 30, 24
"""Width of the longest name of a series and of the longest tick, in columns of a terminal."""


@dataclass(frozen=True)
class Picture:
    """A chart with its text alternative.

    Attributes:
        title: caption.
        svg: the drawing.
        file: its file in the ``charts`` folder.
        head: headings of the table of its numbers.
        rows: the numbers the drawing shows, as text.
    """

    title: str
    svg: Markup
    file: str
    head: list[str]
    rows: list[list[str]]


def curves_pictures(curves: Sequence[Curve], painter: Painter, model: str) -> list[Picture]:
    """One picture for all curves that name the same picture and have the same axes.

    Args:
        curves: a probe's curves.
        painter: draws them.
        model: whose they are, for the descriptions.
    """
    groups: dict[tuple[str, str, str], list[Curve]] = {}
    for curve in curves:
        groups.setdefault((curve.picture, curve.x_label, curve.y_label), []).append(curve)
    return [_picture(group, painter, model) for group in groups.values()]


ABBREVIATIONS = {"mi": "MI"}
"""How words of the names of pictures are written in captions."""


def titled(picture: str) -> str:
    """The caption of a picture of this name."""
    words = picture.replace("_", " ").capitalize().split(" ")
    return " ".join(ABBREVIATIONS.get(word, word) for word in words)


def written(score: Score, unit: str) -> str:
    """A score with its interval, as the table of a picture's numbers shows it."""
    ends = interval(score, unit)
    return number(score.value, unit) + (f" ({ends})" if ends else "")


def _picture(curves: Sequence[Curve], painter: Painter, model: str) -> Picture:
    first, unit = curves[0], curves[0].unit
    title = titled(first.picture)
    description = f"{title} of {model}: {first.y_label} over {first.x_label}. " + " ".join(
        f"{curve.series}: {number(curve.y[0].value, unit)} at {curve.x_text[0]}, "
        f"{number(curve.y[-1].value, unit)} at {curve.x_text[-1]}."
        for curve in curves
        if curve.y
    )
    svg, file = painter.draw(_chart(curves, unit), description)
    head = [first.x_label, *(curve.series for curve in curves)]
    rows = [[text, *(_at(c, x, unit) for c in curves)] for x, text in _ticks(curves).items()]
    return Picture(title, svg, file, head, rows)


def _ticks(curves: Sequence[Curve]) -> dict[float, str]:
    """Every budget of the curves with its text, ascending."""
    texts = {x: text for c in curves for x, text in zip(c.x, c.x_text, strict=True)}
    return dict(sorted(texts.items()))


def _at(curve: Curve, x: float, unit: str) -> str:
    if x not in curve.x:
        return ABSENT
    return written(curve.y[curve.x.index(x)], unit)


def drawn_ends(score: Score) -> tuple[float, float]:
    """The ends of a score's interval as charts draw them: an unbounded one has no whisker."""
    if math.isfinite(score.low) and math.isfinite(score.high):
        return score.low, score.high
    return score.value, score.value


def _chart(curves: Sequence[Curve], unit: str) -> dict[str, Any]:
    labels = distinct((curve.series for curve in curves), _SERIES)
    names = [labels[curve.series] for curve in curves]
    alone = any(len(curve.x) == 1 for curve in curves)
    data = [
        {"x": x, "y": score.value, "low": low, "high": high, "series": name}
        | ({"alone": len(curve.x) == 1} if alone else {})
        for name, curve in zip(names, curves, strict=True)
        for x, score in zip(curve.x, curve.y, strict=True)
        if math.isfinite(x) and math.isfinite(score.value)
        for low, high in [drawn_ends(score)]
    ]
    ticks = _ticks(curves)
    texts = json.dumps([short(text, _TICK) for text in ticks.values()])
    spec: dict[str, Any] = filled(
        _blank_chart(share=unit == "share", legend=len(names) > 1, alone=alone),
        {
            "<data>": data,
            "<x>": short(curves[0].x_label),
            "<y>": short(curves[0].y_label),
            "<ticks>": list(ticks),
            "<labels>": f"{texts}[indexof({json.dumps(list(ticks))}, datum.value)]",
            "<names>": names,
            "<colors>": in_order(COLORS, len(names)),
            "<shapes>": in_order(SHAPES, len(names)),
        },
    )
    return spec


@cache
def _blank_chart(*, share: bool, legend: bool, alone: bool) -> dict[str, Any]:
    """Lines with their bands; a series of one budget is a ring with a whisker."""
    x = alt.X(
        "x:Q",
        title="<x>",
        scale=alt.Scale(nice=False),
        axis=alt.Axis(
            values=["<ticks>"],
            labelExpr="<labels>",
            labelOverlap="greedy",
            labelSeparation=6,
            grid=False,
        ),
    )
    scale = alt.Scale(domain=[0, 1]) if share else alt.Scale(zero=True, nice=True)
    axis = alt.Axis(format="%" if share else "~f", tickCount=5)
    # A lone series is named by the picture's title.
    named: dict[str, Any] = {"title": None} if legend else {"title": None, "legend": None}

    def y(field: str) -> alt.Y:
        return alt.Y(field, title="<y>", scale=scale, axis=axis)

    color = alt.Color("series:N", scale=alt.Scale(domain=["<names>"], range=["<colors>"]), **named)
    shape = alt.Shape("series:N", scale=alt.Scale(domain=["<names>"], range=["<shapes>"]), **named)
    base = alt.Chart(alt.InlineData(values=["<data>"])).encode(x=x, color=color)
    lines = base.transform_filter("!datum.alone") if alone else base
    layers = [
        lines.mark_area(opacity=0.16).encode(y=y("low:Q"), y2="high:Q"),
        lines.mark_line(strokeWidth=2).encode(y=y("y:Q")),
        lines.mark_point(filled=True, opacity=1, size=42).encode(y=y("y:Q"), shape=shape),
    ]
    if alone:
        one = base.transform_filter("datum.alone")
        layers += [
            one.mark_rule(strokeWidth=1.5).encode(y=y("low:Q"), y2="high:Q"),
            one.mark_point(filled=False, opacity=1, size=150, strokeWidth=2).encode(
                y=y("y:Q"), shape=shape
            ),
        ]
    return styled(alt.layer(*layers), _WIDTH, _HEIGHT).to_dict()
