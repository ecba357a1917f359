"""The front page's picture: robust to inputs against robust to weights, a point a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import altair as alt

from leaderboard.site.chart_style import COLOURS, INK, SHAPES, domain, styled
from leaderboard.site.charts import Picture
from leaderboard.site.svg import Painter, printable
from leaderboard.site.texts import number
from leaderboard.store import Entry

_WIDTH, _HEIGHT = 420, 260
_MOST_LABELLED = 12
_CHARACTER, _LINE, _GAP = 6.2, 13.0, 8.0
"""Size of a label's character and line, and its distance from its point, in pixels."""


@dataclass(frozen=True)
class _Label:
    x: float
    y: float
    align: str
    width: float

    @property
    def box(self) -> tuple[float, float, float, float]:
        left = self.x - {"left": 0, "center": self.width / 2, "right": self.width}[self.align]
        return left, left + self.width, self.y - _LINE / 2, self.y + _LINE / 2


def overview(entries: Sequence[Entry], painter: Painter) -> Picture | None:
    """Input robust accuracy against weight robust accuracy; ``None`` where nobody has both."""
    points = [
        (
            _short(entry.card.name.split("/")[-1]),
            _short(entry.card.recipe),
            entry.results["input"].scores["robust_accuracy"].value,
            entry.results["weight"].scores["robust_accuracy"].value,
        )
        for entry in entries
        if all(
            probe in entry.results and "robust_accuracy" in entry.results[probe].scores
            for probe in ("input", "weight")
        )
    ]
    if not points:
        return None
    recipes = sorted({recipe for _, recipe, _, _ in points})
    title = "Robust to changed inputs, robust to changed weights"
    description = f"{title}: a point for each of {len(points)} models. " + " ".join(
        f"{name}: input {number(x, 'share')}, weight {number(y, 'share')}."
        for name, _, x, y in points[:_MOST_LABELLED]
    )
    data = [{"name": n, "recipe": r, "x": x, "y": y} for n, r, x, y in points]
    axis = alt.Axis(format="%", tickCount=5)
    unit = alt.Scale(domain=[0, 1])
    marks = (
        alt.Chart(alt.InlineData(values=data))
        .mark_point(filled=True, opacity=0.9, size=110)
        .encode(
            x=alt.X("x:Q", title="input robust accuracy (linf)", scale=unit, axis=axis),
            y=alt.Y("y:Q", title="weight robust accuracy", scale=unit, axis=axis),
            color=alt.Color("recipe:N", title=None, scale=domain(recipes, COLOURS)),
            shape=alt.Shape("recipe:N", title=None, scale=domain(recipes, SHAPES)),
        )
    )
    labels = _labels(points) if len(points) <= _MOST_LABELLED else []
    svg, file = painter.draw(styled(alt.layer(marks, *labels), _WIDTH, _HEIGHT), description)
    rows = [[n, r, number(x, "share"), number(y, "share")] for n, r, x, y in points]
    return Picture(title, svg, file, ["model", "recipe", "input", "weight"], rows)


def _labels(points: Sequence[tuple[str, str, float, float]]) -> list[alt.Chart]:
    """Names beside the points, on the first side where they cover nothing."""
    taken = [
        (x * _WIDTH - 6, x * _WIDTH + 6, (1 - y) * _HEIGHT - 6, (1 - y) * _HEIGHT + 6)
        for _, _, x, y in points
    ]
    data = []
    for name, _, x, y in points:
        left, top, width = x * _WIDTH, (1 - y) * _HEIGHT, len(name) * _CHARACTER
        sides = [
            _Label(left + aside, top + lines * _LINE, align, width)
            for lines in (0, 1, -1, 2, -2, 3, -3)
            for aside, align in ((_GAP, "left"), (-_GAP, "right"), (0, "center"))
            if lines or aside
        ]
        label = next((side for side in sides if _free(side.box, taken)), sides[0])
        taken.append(label.box)
        data.append(
            {"name": name, "x": label.x / _WIDTH, "y": 1 - label.y / _HEIGHT, "align": label.align}
        )
    return [
        alt.Chart(alt.InlineData(values=[row for row in data if row["align"] == align]))
        .mark_text(align=align, baseline="middle", fontSize=11, color=INK)
        .encode(x="x:Q", y="y:Q", text="name:N")
        for align in ("left", "right", "center")
        if any(row["align"] == align for row in data)
    ]


def _free(
    box: tuple[float, float, float, float], taken: Sequence[tuple[float, float, float, float]]
) -> bool:
    left, right, top, bottom = box
    inside = left >= 0 and right <= _WIDTH and top >= -_LINE and bottom <= _HEIGHT
    return inside and not any(
        left < r and right > le and top < b and bottom > t for le, r, t, b in taken
    )


def _short(text: str) -> str:
    text = printable(text)
    return text if len(text) <= 24 else text[:23] + "…"
