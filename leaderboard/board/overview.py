"""The front page's chart: input against weight robust accuracy, one point per model.

The models of the Pareto front are named where there is room; the others are named when a reader
points at them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import altair as alt
from rich.cells import cell_len

from benchmark.probes import PROBES
from benchmark.probes.probe import Perturbed
from benchmark.threats import AnyThreat, InputThreat
from leaderboard.charts.curves import Picture
from leaderboard.charts.labels import short
from leaderboard.charts.linked_points import LinkedPoint, with_links
from leaderboard.charts.style import COLORS, INK, domain, styled
from leaderboard.charts.svg import Painter
from leaderboard.formatting.texts import number
from leaderboard.store import Summary

_WIDTH, _HEIGHT = 420, 260
_MAX_NAMED = 12
"""Maximum number of models in the text alternative and of names in the chart."""

_MAX_FOCUSED = 40
"""Maximum number of points that are all reached with the tab key; with more, only the front."""

_MAX_LARGE, _MAX_DRAWN = 100, 400
"""Maximum number of points that are drawn large, and that are drawn."""

_NAME = 24
"""Width of the longest name, in columns of a terminal."""

_CHARACTER, _LINE, _GAP = 6.9, 14.0, 8.0
"""Size of a label's character and line, and its distance from its point, in pixels.

The character is one of DejaVu Sans, the widest of the usual fonts, at 11 pixels.
"""


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
    page: str
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
    name: str
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
    pages: Mapping[str, str],
) -> Picture | None:
    """Input robust accuracy against weight robust accuracy; ``None`` if no model has both.

    Of many models the Pareto front and a fixed sample of the others are drawn.

    Args:
        summaries: of the models of a board.
        painter: draws it.
        threats: those that the scores of the battery's probes are about, by probe.
        pages: path of a model's page, by fingerprint.
    """
    first, second = _axis("images", threats), _axis("weights", threats)
    points = _points(summaries, [first.key, second.key], pages)
    if not points:
        return None
    front = _front(points)
    total, points = len(points), _drawn(points, front)
    title = "Robust to changed inputs, robust to changed weights"
    described = front if total > _MAX_NAMED else points
    words = " ".join(f"{_words(p, first, second)}." for p in described[:_MAX_NAMED])
    on_front = "Best in both at once: " if described is front else ""
    description = f"{title}: a point for each of {total:,} models. {on_front}{words}"
    labels = _placed(front, points)
    chart = alt.layer(_line(front), _marks(points, first.title, second.title), *_texts(labels))
    svg, file = painter.draw(styled(chart, _WIDTH, _HEIGHT), description)
    named = {label.name for label in labels}
    best = set(front)
    links = [
        LinkedPoint(
            p.page,
            None if p in best and p.name in named else p.name,
            _words(p, first, second),
            on_left=p.x > 0.5,
            in_order=total <= _MAX_FOCUSED or p in best,
        )
        for p in points
    ]
    rows = [[p.name, p.recipe, number(p.x, "share"), number(p.y, "share")] for p in points]
    if len(points) < total:
        title += f" ({len(points)} of {total:,} models)"
    head = ["model", "recipe", first.label, second.label]
    return Picture(title, with_links(svg, links), file, head, rows)


def _words(point: _Point, x: _Axis, y: _Axis) -> str:
    return (
        f"{point.name}: {x.label} {number(point.x, 'share')}, {y.label} {number(point.y, 'share')}"
    )


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


def _points(
    summaries: Sequence[Summary], keys: Sequence[str], pages: Mapping[str, str]
) -> list[_Point]:
    points = []
    for summary in summaries:
        x, y = (summary.scores.get(key) for key in keys)
        if x is not None and y is not None:
            name = short(summary.card.name.split("/")[-1], _NAME)
            recipe = short(summary.card.recipe, _NAME)
            points.append(_Point(pages[summary.fingerprint], name, recipe, x.value, y.value))
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
    data = [{"x": x, "y": y, "order": order} for order, (x, y) in enumerate(_corners(front))]
    line: alt.Chart = (
        alt.Chart(alt.InlineData(values=data))
        .mark_line(color=INK, strokeWidth=1, strokeDash=[4, 3], opacity=0.8)
        .encode(x="x:Q", y="y:Q", order="order:Q")
    )
    return line


def _corners(front: Sequence[_Point]) -> list[tuple[float, float]]:
    corners = [(0.0, front[0].y)]
    for here, following in zip(front, [*front[1:], None], strict=True):
        corners.append((here.x, here.y))
        corners.append((here.x, following.y if following else 0.0))
    return corners


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
        .mark_point(filled=True, opacity=0.9, size=110 if len(points) <= _MAX_LARGE else 45)
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


def _placed(front: Sequence[_Point], points: Sequence[_Point]) -> list[_Label]:
    """A name next to each point of the front where it overlaps nothing; without room there is none.

    Args:
        front: the Pareto front, whose line is drawn.
        points: all that are drawn.
    """
    half = 6.0 if len(points) <= _MAX_LARGE else 4.0
    taken = [
        (
            p.x * _WIDTH - half,
            p.x * _WIDTH + half,
            (1 - p.y) * _HEIGHT - half,
            (1 - p.y) * _HEIGHT + half,
        )
        for p in points
    ]
    corners = [(x * _WIDTH, (1 - y) * _HEIGHT) for x, y in _corners(front)]
    taken += [(min(x, u), max(x, u), min(y, v), max(y, v)) for (x, y), (u, v) in pairwise(corners)]
    labels = []
    for point in front[:_MAX_NAMED]:
        left, top = point.x * _WIDTH, (1 - point.y) * _HEIGHT
        width = cell_len(point.name) * _CHARACTER
        sides = (
            _Label(point.name, left + aside, top + lines * _LINE, align, width)
            for lines in (0, -1, 1, -2, 2, -3, 3)
            for aside, align in ((_GAP, "left"), (-_GAP, "right"), (0, "center"))
            if lines or aside
        )
        label = next((side for side in sides if _free(side.box, taken)), None)
        if label is not None:
            taken.append(label.box)
            labels.append(label)
    return labels


def _texts(labels: Sequence[_Label]) -> list[alt.Chart]:
    data = [
        {
            "name": label.name,
            "x": label.x / _WIDTH,
            "y": 1 - label.y / _HEIGHT,
            "align": label.align,
        }
        for label in labels
    ]
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
