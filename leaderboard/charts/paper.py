"""Charts in the size of a paper's column, as SVG and PDF."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

import vl_convert
from markupsafe import Markup

from leaderboard.charts.labels import short
from leaderboard.charts.style import Layers
from leaderboard.charts.svg import NOT_DRAWN, Painter, drawable, vegalite_version
from models_zoo.errors import InputError, reason_of

POINTS = 72
"""Points per inch; charts are drawn with a unit of one point."""

COLUMN, TEXT = 3.25, 5.5
"""Width of a column of two, and of a text in one column, in inches."""

SMALLEST, LARGEST = 2.0, 12.0
"""Widths that are drawn, in inches: a narrower chart has no room for its axes."""

_AXIS = {"labelFontSize": 7, "titleFontSize": 8, "titlePadding": 4}
_LEGEND = {"labelFontSize": 7, "titleFontSize": 8, "columnPadding": 8, "symbolSize": 30}
_MARGIN = 60
"""Width of the axis beside the plot of a chart of the site, in pixels, about."""

_TWO_COLUMNS = 4.0
"""Inches below which a legend has two columns, not three: names of 15 characters would be cut."""

_SITE_FONT = 11
_PAPER_FONT = 7
_FIXED = re.compile(r"var\(--[\w-]+, *([^()]+)\)")
"""A color of the page's style sheet; the group is its value in the light theme."""


class PaperPainter(Painter):
    """Draws charts for a paper and keeps them.

    Args:
        width: of the charts, in inches.

    Attributes:
        drawings: the SVG of each chart, by the name that :meth:`draw` returns.
    """

    def __init__(self, width: float = COLUMN) -> None:
        super().__init__()
        self.width = width
        self.drawings: dict[str, str] = {}

    def draw(self, chart: Layers | dict[str, Any], description: str) -> tuple[Markup, str]:
        """No drawing for a page, and the name under which the chart is kept.

        Raises:
            InputError: it cannot be drawn.
        """
        spec = drawable(chart if isinstance(chart, dict) else chart.to_dict())
        spec = paper_spec(spec, self.width)
        key = hashlib.sha256(json.dumps([spec, description]).encode()).hexdigest()[:16]
        try:
            text = vl_convert.vegalite_to_svg(spec, vl_version=vegalite_version())
        except BaseException as error:
            # A panic of the converter is no Exception.
            if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
                raise
            raise InputError(f"{short(description)} cannot be drawn: {reason_of(error)}") from error
        self.drawings[key] = _in_inches(text)
        return NOT_DRAWN, key


def paper_spec(spec: dict[str, Any], width: float) -> dict[str, Any]:
    """A chart of the site as a chart of a paper: total width, font sizes, colors in themselves.

    Args:
        spec: a Vega-Lite specification in the site's style.
        width: in inches.
    """
    fixed: dict[str, Any] = _smaller(json.loads(_FIXED.sub(r"\1", json.dumps(spec))))
    config = fixed.get("config", {})
    for part, sizes in (("axis", _AXIS), ("legend", _LEGEND), ("header", _AXIS)):
        config[part] = config.get(part, {}) | sizes
    fixed["config"] = config | {"font": "Liberation Sans, Arial, Helvetica, sans-serif"}
    fixed["padding"] = 1
    if isinstance(fixed.get("width"), int | float) and isinstance(fixed.get("height"), int | float):
        total = round(width * POINTS)
        fixed["height"] = round(total * fixed["height"] / (fixed["width"] + _MARGIN))
        fixed["width"] = total
        fixed["autosize"] = {"type": "fit-x", "contains": "padding"}
    config["legend"]["columns"] = 2 if width < _TWO_COLUMNS else 3
    return fixed


def pdf_of(svg: str) -> bytes:
    """A drawing as PDF, of the same size.

    Args:
        svg: as :class:`PaperPainter` keeps it.
    """
    # The converter takes a unit of SVG for a point.
    size = _VIEW.search(svg)
    plain = _SIZE.sub(f'width="{size[1]}" height="{size[2]}"', svg, count=1) if size else svg
    pdf: bytes = vl_convert.svg_to_pdf(plain)
    return pdf


_SIZE = re.compile(r'width="[\d.]+(?:in)?" height="[\d.]+(?:in)?"')
_VIEW = re.compile(r'viewBox="0 0 ([\d.]+) ([\d.]+)"')


def _in_inches(svg: str) -> str:
    """An SVG whose size is in inches instead of pixels."""
    size = _VIEW.search(svg)
    if size is None:
        return svg
    width, height = (f"{float(each) / POINTS:.4g}in" for each in size.groups())
    return _SIZE.sub(f'width="{width}" height="{height}"', svg, count=1)


def _smaller(value: Any) -> Any:
    """A specification with the sizes of its marks and texts reduced as the font of its axes is."""
    share = _PAPER_FONT / _SITE_FONT
    if isinstance(value, list):
        return [_smaller(item) for item in value]
    if not isinstance(value, dict):
        return value
    scaled = {key: _smaller(item) for key, item in value.items()}
    if "type" in scaled and isinstance(scaled.get("type"), str):  # the definition of a mark
        for key, power in (("fontSize", 1), ("strokeWidth", 1), ("size", 2), ("dx", 1), ("dy", 1)):
            if isinstance(scaled.get(key), int | float):
                scaled[key] = scaled[key] * share**power
    return scaled
