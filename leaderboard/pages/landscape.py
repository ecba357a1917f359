"""A model's loss landscape as one self-contained page."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files

from benchmark.budgets import budget_text
from benchmark.landscape import LOSS_NAMES, DecisionSurface, Landscape, LossGrid
from benchmark.results import Curve, Score
from leaderboard.charts.contours import decision_chart, loss_chart
from leaderboard.charts.curves import Picture, curves_pictures
from leaderboard.charts.svg import Painter
from leaderboard.formatting.texts import interval, number
from leaderboard.pages.environment import render_page


def landscape_page(landscape: Landscape, model: str, eps: float, origin: dict[str, str]) -> str:
    """The page as HTML, with inline style and charts.

    Args:
        landscape: the measurements.
        model: the model's name.
        eps: the linf budget.
        origin: where the numbers come from, such as hashes and versions.
    """
    painter = Painter()
    css = (files("leaderboard.pages") / "static" / "style.css").read_text("utf-8")
    return render_page(
        "landscape.html.j2",
        "",
        css=css,
        model=model,
        curves=curves_pictures(_curves(landscape), painter, model),
        contours=[] if landscape.contour is None else _contours(landscape.contour, painter, model),
        decisions=[_decision(each, painter, model, eps) for each in landscape.decisions],
        increases=increase_rows(landscape),
        eps=budget_text(eps),
        protocol=landscape.protocol,
        origin=origin,
    )


def increase_rows(landscape: Landscape) -> list[tuple[str, str, str, str]]:
    """Rows of the table of loss increases: loss, distance, increase and its interval."""
    rows = []
    for each in landscape.increases:
        increase, between = number(each.increase.value, "nats"), interval(each.increase, "nats")
        rows.append(
            (
                LOSS_NAMES[each.loss],
                f"{each.distance:g}",
                increase,
                between or "none, all directions are the same",
            )
        )
    return rows


def _curves(landscape: Landscape) -> list[Curve]:
    """Mean over directions, with a band from the lowest to the highest direction."""
    curves = landscape.curves
    return [
        Curve(
            picture="loss_along_random_directions",
            series=name,
            x_label="alpha, distance in lengths of the filters",
            y_label="cross-entropy (nats)",
            x=curves.alphas,
            x_text=[f"{alpha:g}" for alpha in curves.alphas],
            y=[_over_directions(column) for column in zip(*getattr(curves, kind), strict=True)],
            unit="nats",
        )
        for kind, name in LOSS_NAMES.items()
    ]


def _over_directions(values: Sequence[float]) -> Score:
    count = len(values)
    return Score(value=sum(values) / count, n=count, low=min(values), high=max(values))


def _contours(grid: LossGrid, painter: Painter, model: str) -> list[Picture]:
    pictures = []
    for kind, name in LOSS_NAMES.items():
        values = getattr(grid, kind)
        middle = len(values) // 2
        title = f"{name.capitalize()} in the plane of two directions"
        description = (
            f"{title}, {model}: {number(values[middle][middle], 'nats')} nats at the model itself, "
            f"up to {number(max(map(max, values)), 'nats')}."
        )
        svg, file = painter.draw(loss_chart(grid.alphas, values), description)
        pictures.append(Picture(title, svg, file, [], []))
    return pictures


def _decision(surface: DecisionSurface, painter: Painter, model: str, eps: float) -> Picture:
    margin = surface.margin
    middle = len(margin) // 2
    title = f"Example {surface.example}, class {surface.label}"
    if surface.predicted != surface.label:
        title += f", classified as {surface.predicted}"
    description = (
        f"Decision surface of {model}. {title}: the margin is "
        f"{number(margin[middle][middle], '')} at the image and between "
        f"{number(min(map(min, margin)), '')} and {number(max(map(max, margin)), '')} around it."
    )
    svg, file = painter.draw(decision_chart(surface.offsets, margin, eps), description)
    return Picture(title, svg, file, [], [])
