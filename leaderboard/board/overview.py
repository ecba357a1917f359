"""The front page's chart: input against weight robust accuracy, one point per model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import altair as alt
from rich.cells import cell_len

from benchmark.probes import PROBES
from benchmark.probes.probe import Perturbed
from benchmark.threats import AnyThreat, InputThreat
from leaderboard.charts.curves import Picture
from leaderboard.charts.labels import short
from leaderboard.charts.style import COLORS, INK, domain, styled
from leaderboard.charts.svg import Painter
from leaderboard.formatting.texts import number
from leaderboard.store import Summary

_WIDTH, _HEIGHT = 420, 260
_MAX_LABELED = 12
_MAX_DRAWN = 400
_NAME = 24
"""Width of the longest name, in columns of a terminal."""

_CHARACTER, _LINE, _GAP = 6.2, 13.0, 8.0
"""Size of a label's character and line, and its distance from its point, in pixels."""


_CLEAN = ("standard", "label-smoothing", "random-weight-noise")
"""Recipes that train on unperturbed images."""

_KINDS = {
    "clean training": "circle",
    "adversarial training": "triangle-up",
    "unknown training": "square",
}
"""Shape of a point by the kind of training."""


@dataclass(frozen=True)
class _Point:
    name: str
    recipe: str
    x: float
    y: float


@dataclass(frozen=True)
class _Axis:
    """A score on an axis: its key in summaries, its label and the axis title."""

    key: str
    label: str
    title: str


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


def input_weight_scatter(
    summaries: Sequence[Summary],
    painter: Painter,
    threats: Mapping[str, Sequence[AnyThreat]],
) -> Picture | None:
    """Input robust accuracy against weight robust accuracy; ``None`` if no model has both.

    Of many models the Pareto front and a fixed sample of the others are drawn.

    Args:
        summaries: of the models of a board.
        painter: draws it.
        threats: those that the scores of the battery's probes are about, by probe.
    """
    first, second = _axis("images", threats), _axis("weights", threats)
    points = _points(summaries, [first.key, second.key])
    if not points:
        return None
    front = _front(points)
    total, points = len(points), _drawn(points, front)
    title = "Robust to changed inputs, robust to changed weights"
    described = front if total > _MAX_LABELED else points
    words = " ".join(
        f"{p.name}: {first.label} {number(p.x, 'share')}, {second.label} {number(p.y, 'share')}."
        for p in described[:_MAX_LABELED]
    )
    on_front = "Best in both at once: " if described is front else ""
    description = f"{title}: a point for each of {total:,} models. {on_front}{words}"
    labels = _labels(points) if len(points) <= _MAX_LABELED else _labels(front[:_MAX_LABELED])
    chart = alt.layer(_line(front), _marks(points, first.title, second.title), *labels)
    svg, file = painter.draw(styled(chart, _WIDTH, _HEIGHT), description)
    rows = [[p.name, p.recipe, number(p.x, "share"), number(p.y, "share")] for p in points]
    if len(points) < total:
        title += f" ({len(points)} of {total:,} models)"
    return Picture(title, svg, file, ["model", "recipe", first.label, second.label], rows)


def _axis(perturbed: Perturbed, threats: Mapping[str, Sequence[AnyThreat]]) -> _Axis:
    """The headline's probe whose adversary changes nothing else, as an axis of the chart."""
    name, share = next(
        (name, probe.profile)
        for name, probe in PROBES.items()
        if probe.in_headline and probe.perturbs == {perturbed} and probe.profile is not None
    )
    main = next(iter(threats.get(name, ())), None)
    norm = f" ({main.norm})" if isinstance(main, InputThreat) else ""
    return _Axis(f"{name}.{share.score}", share.label, f"{share.label} robust accuracy{norm}")


def _points(summaries: Sequence[Summary], keys: Sequence[str]) -> list[_Point]:
    points = []
    for summary in summaries:
        x, y = (summary.scores.get(key) for key in keys)
        if x is not None and y is not None:
            name = short(summary.card.name.split("/")[-1], _NAME)
            points.append(_Point(name, short(summary.card.recipe, _NAME), x.value, y.value))
    return points


def _front(points: Sequence[_Point]) -> list[_Point]:
    """The Pareto front: points that no other beats in both scores, from left to right."""
    front: list[_Point] = []
    for point in sorted(points, key=lambda p: (-p.x, -p.y)):
        if not front or point.y > front[-1].y:
            front.append(point)
    return front[::-1]


def _drawn(points: list[_Point], front: list[_Point]) -> list[_Point]:
    if len(points) <= _MAX_DRAWN:
        return points
    best = set(front)
    others = [point for point in points if point not in best]
    step = max(1, len(others) // (_MAX_DRAWN - len(front)))
    return [*front, *others[::step]][:_MAX_DRAWN]


def _line(front: Sequence[_Point]) -> alt.Chart:
    """The Pareto front as a step line."""
    corners = [(0.0, front[0].y)]
    for here, following in zip(front, [*front[1:], None], strict=True):
        corners.append((here.x, here.y))
        corners.append((here.x, following.y if following else 0.0))
    data = [{"x": x, "y": y, "order": order} for order, (x, y) in enumerate(corners)]
    line: alt.Chart = (
        alt.Chart(alt.InlineData(values=data))
        .mark_line(color=INK, strokeWidth=1, strokeDash=[4, 3], opacity=0.8)
        .encode(x="x:Q", y="y:Q", order="order:Q")
    )
    return line


def _marks(points: Sequence[_Point], x_title: str, y_title: str) -> alt.Chart:
    recipes = sorted({point.recipe for point in points})
    axis = alt.Axis(format="%", tickCount=5)
    unit = alt.Scale(domain=[0, 1])
    data = [
        {"name": p.name, "recipe": p.recipe, "kind": _kind(p.recipe), "x": p.x, "y": p.y}
        for p in points
    ]
    kinds = [kind for kind in _KINDS if any(row["kind"] == kind for row in data)]
    shapes = alt.Scale(domain=kinds, range=[_KINDS[kind] for kind in kinds])
    marks: alt.Chart = (
        alt.Chart(alt.InlineData(values=data))
        .mark_point(filled=True, opacity=0.9, size=110 if len(points) <= 100 else 45)
        .encode(
            x=alt.X("x:Q", title=x_title, scale=unit, axis=axis),
            y=alt.Y("y:Q", title=y_title, scale=unit, axis=axis),
            color=alt.Color("recipe:N", title=None, scale=domain(recipes, COLORS)),
            shape=alt.Shape(
                "kind:N",
                title=None,
                scale=shapes,
                legend=alt.Legend(orient="bottom", symbolFillColor=INK),
            ),
        )
    )
    return marks


def _kind(recipe: str) -> str:
    if recipe in _CLEAN:
        return "clean training"
    return "unknown training" if recipe == "unknown" else "adversarial training"


def _labels(points: Sequence[_Point]) -> list[alt.Chart]:
    """Names next to the points, on the first side where they overlap nothing."""
    taken = [
        (p.x * _WIDTH - 6, p.x * _WIDTH + 6, (1 - p.y) * _HEIGHT - 6, (1 - p.y) * _HEIGHT + 6)
        for p in points
    ]
    data = []
    for point in points:
        name, left, top = point.name, point.x * _WIDTH, (1 - point.y) * _HEIGHT
        width = cell_len(name) * _CHARACTER
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
