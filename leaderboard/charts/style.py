"""Common style of all charts: colors and shapes of series, axes, fonts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import altair as alt

Layers = alt.LayerChart | alt.FacetChart
"""The types that :func:`altair.layer` returns."""

INK = "var(--chart-ink, #4a4f57)"
GRID = "var(--chart-grid, #e3e6ea)"

COLORS = [
    f"var(--series-{place}, {color})"
    for place, color in enumerate(
        (
            *("#1f6fb2", "#c4541c", "#1d8a5f", "#8a4fb5", "#a8790a", "#b13a63", "#4a6a78"),
            *("#6b7a12", "#0b7f8c", "#d0409a", "#8a5a3c", "#3b4cc0"),
        ),
        start=1,
    )
]
"""Colors of series in order; the page's style sheet defines a light and a dark value of each."""

SHAPES = ["circle", "square", "triangle-up", "diamond", "cross", "triangle-down", "triangle-left"]
"""Shapes in the same order, for readers who cannot distinguish the colors."""


def domain(names: list[str], values: list[str]) -> alt.Scale:
    """A scale that maps names to the values in order, repeating them if there are too few."""
    return alt.Scale(domain=names, range=in_order(values, len(names)))


def in_order(values: list[str], count: int) -> list[str]:
    """The first ``count`` of the values, repeating them if there are too few."""
    return [values[place % len(values)] for place in range(count)]


def styled(chart: Layers, width: int, height: int) -> Layers:
    """The chart in the site's style: light axes, legend on top, transparent background."""
    text = {"labelColor": INK, "titleColor": INK, "titleFontWeight": "normal"}
    lines = {"gridColor": GRID, "domainColor": GRID, "tickColor": GRID}
    legend = {"orient": "top", "direction": "horizontal", "columns": 3}
    dressed: Layers = chart.properties(
        width=width, height=height, background="transparent", padding=4
    ).configure(
        # Descriptions of marks are expressions that Vega parses, and they would contain
        # user-supplied titles; only the whole picture has a description.
        aria=False,
        font="system-ui, sans-serif",
        axis={"labelFontSize": 11, "titleFontSize": 12, "titlePadding": 8} | text | lines,
        legend={"labelFontSize": 12, "symbolOpacity": 1, "columnPadding": 20} | legend | text,
        view={"stroke": None},
    )
    return dressed


def filled(spec: Any, contents: Mapping[str, Any]) -> Any:
    """A Vega-Lite specification with its placeholders filled in.

    Building and validating a chart with altair takes longer than everything else, so charts that
    differ only in their contents are built once, with placeholders.

    Args:
        spec: of a chart in which a placeholder is a text such as ``"<title>"``, or a list of one if
            the content is a list. It is not modified.
        contents: by placeholder. They are not searched for placeholders.
    """
    if isinstance(spec, dict):
        return {key: filled(value, contents) for key, value in spec.items()}
    if isinstance(spec, list):
        if len(spec) == 1 and isinstance(spec[0], str) and spec[0] in contents:
            return contents[spec[0]]
        return [filled(item, contents) for item in spec]
    return contents.get(spec, spec) if isinstance(spec, str) else spec
