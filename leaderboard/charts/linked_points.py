"""Points of a chart as links, whose names appear when they are pointed at or focused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree import ElementTree  # only reads what this package wrote

from markupsafe import Markup

from leaderboard.charts.labels import chart_text
from leaderboard.charts.style import INK
from leaderboard.charts.svg import MARKS, NAMESPACE, NOT_DRAWN

_ASIDE, _BELOW = 9, 4
"""Distance of a name from its point, and of its base line from the point's center, in pixels."""


@dataclass(frozen=True)
class LinkedPoint:
    """What a point leads to and is called.

    Attributes:
        href: path of a page of the site.
        name: appears next to the point; ``None`` if the chart has it already.
        description: what is read aloud.
        on_left: whether the name is to the left of the point.
        in_order: whether the point is reached with the tab key.
    """

    href: str
    name: str | None
    description: str
    on_left: bool
    in_order: bool


def with_links(svg: Markup, points: Sequence[LinkedPoint]) -> Markup:
    """A chart for a page, with a link around each of its points.

    A file of the same chart must not have them: its links would lead elsewhere.

    Args:
        svg: a chart with one layer of points, as :class:`leaderboard.charts.svg.Painter` draws it.
        points: in the order of the chart's data.

    Raises:
        RuntimeError: the chart does not have one layer of as many points.
    """
    if svg == NOT_DRAWN:
        return svg
    # HTML knows no prefixes; formulas register another namespace without one.
    ElementTree.register_namespace("", NAMESPACE)
    root = ElementTree.fromstring(svg)  # noqa: S314
    layers = root.findall(f".//{{{NAMESPACE}}}g[@class='{MARKS}']")
    if len(layers) != 1 or len(layers[0]) != len(points):
        raise RuntimeError(f"{len(points)} links for a chart with {list(map(len, layers))} points")
    layer = layers[0]
    shapes = list(layer)
    layer[:] = [_link(shape, point) for shape, point in zip(shapes, points, strict=True)]
    root.set("role", "group")  # an image cannot contain links
    root.set("class", "linked")
    return Markup(ElementTree.tostring(root, encoding="unicode"))  # noqa: S704


def _link(shape: ElementTree.Element, point: LinkedPoint) -> ElementTree.Element:
    attributes = {"href": point.href, "aria-label": chart_text(point.description)}
    if not point.in_order:
        attributes["tabindex"] = "-1"
    link = ElementTree.Element(f"{{{NAMESPACE}}}a", attributes)
    link.append(shape)
    if point.name is not None:
        text = ElementTree.SubElement(
            link,
            f"{{{NAMESPACE}}}text",
            {
                "class": "name",
                "visibility": "hidden",
                "text-anchor": "end" if point.on_left else "start",
                "transform": shape.get("transform", ""),
                "dx": str(-_ASIDE if point.on_left else _ASIDE),
                "dy": str(_BELOW),
                "font-family": "system-ui, sans-serif",
                "font-size": "11px",
                "fill": INK,
            },
        )
        text.text = chart_text(point.name)
    return link
