"""Vega-Lite charts as inline SVG: small, safe, in the colors of the page."""

from __future__ import annotations

import hashlib
import json
import re
from contextlib import suppress
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any
from xml.etree import ElementTree  # only reads the output of vl-convert

import altair as alt
import vl_convert
from markupsafe import Markup

from leaderboard.charts.labels import chart_text, short
from leaderboard.charts.style import Layers
from leaderboard.charts.thumbnails import data_address
from leaderboard.terminal.warnings import print_warning
from models_zoo.errors import reason_of

NAMESPACE = "http://www.w3.org/2000/svg"

MARKS = "marks"
"""Class of the groups of a chart's points, without those of its legends."""

_REVISION = 3
"""Increased when this module draws the same chart differently, to invalidate cached charts."""

NOT_DRAWN = Markup(
    '<p class="quiet">This picture could not be drawn. The numbers it shows are not affected.</p>'
)
"""Shown on a page in place of a chart that fails."""

_CUTTING = ("labelLimit", "titleLimit", "limit")
_UNCUT = {
    "axis": {"labelLimit": 0, "titleLimit": 0},
    "legend": {"labelLimit": 0, "titleLimit": 0},
    "header": {"labelLimit": 0, "titleLimit": 0},
    "title": {"limit": 0},
    "text": {"limit": 0},
}
"""Settings that keep Vega from shortening texts, see :mod:`leaderboard.charts.labels`."""


class Painter:
    """Draws charts, or reuses them from the site that was rendered before.

    Args:
        earlier: the ``charts`` folder of the earlier site; may be missing.
        folder: the ``charts`` folder of the new one, created with the first chart; ``None`` for a
            self-contained page, whose charts have no files.
    """

    def __init__(self, earlier: Path | None = None, folder: Path | None = None) -> None:
        self.earlier = earlier
        self.folder = folder
        self.drawn = 0

    def draw(self, chart: Layers | dict[str, Any], description: str) -> tuple[Markup, str]:
        """An ``<svg>`` for a page and the name of its file in the charts folder, if there is one.

        A chart that cannot be drawn is left out with a warning on stderr, so that the page is still
        rendered.

        Args:
            chart: what to draw, as a chart or as its Vega-Lite specification.
            description: text alternative.

        Returns:
            The drawing, or :data:`NOT_DRAWN`, and the file's name, which may be empty.
        """
        spec = drawable(chart if isinstance(chart, dict) else chart.to_dict())
        tools = [_REVISION, _converter(), description]
        content = json.dumps([spec, tools], sort_keys=True)
        key = hashlib.sha256(content.encode()).hexdigest()[:16]
        name = f"{key}.svg"
        text = self._kept(name)
        if text is None:
            text = _drawn(spec, f"c{key}", description)
        if text is None:
            return NOT_DRAWN, ""
        if self.folder is not None:
            self.folder.mkdir(parents=True, exist_ok=True)
            (self.folder / name).write_text(text, "utf-8")
        self.drawn += 1
        # The same chart twice on a page must not repeat its ids.
        page = text.replace(f"c{key}", f"c{key}-{self.drawn}")
        return Markup(page), name if self.folder else ""  # noqa: S704

    def image(self, png: bytes) -> str:
        """The address of a PNG within a page: of a file in the charts folder, or its content.

        Args:
            png: content of the file.
        """
        if self.folder is None:
            return data_address(png)
        name = f"{hashlib.sha256(png).hexdigest()[:16]}.png"
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / name).write_bytes(png)
        return f"charts/{name}"

    def _kept(self, name: str) -> str | None:
        """The SVG of a chart that was drawn before, for this site or the earlier one."""
        for folder in (self.folder, self.earlier):
            if folder is not None:
                with suppress(OSError):  # another process may be replacing the earlier site
                    return (folder / name).read_text("utf-8")
        return None


def drawable(spec: dict[str, Any]) -> dict[str, Any]:
    """A Vega-Lite specification whose texts are printable and not shortened by Vega."""
    safe: dict[str, Any] = _chart_texts(spec)
    config = safe.get("config", {})
    uncut = {part: config.get(part, {}) | limits for part, limits in _UNCUT.items()}
    return safe | {"config": config | uncut}


def _chart_texts(value: Any) -> Any:
    if isinstance(value, str):
        return chart_text(value)
    if isinstance(value, dict):
        return {
            chart_text(str(key)): 0 if key in _CUTTING else _chart_texts(item)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_chart_texts(item) for item in value]
    return value


def _drawn(spec: dict[str, Any], prefix: str, description: str) -> str | None:
    """The chart as clean SVG; ``None``, with a warning on stderr, if drawing fails."""
    try:
        drawn = vl_convert.vegalite_to_svg(spec, vl_version=vegalite_version())
        return _tidy(drawn, prefix, chart_text(description))
    except BaseException as error:
        # A panic of the converter is no Exception.
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        what = short(description)
        print_warning(f"a picture could not be drawn and is left out: {what}: {reason_of(error)}")
        return None


@cache
def _converter() -> str:
    return version("vl-convert-python")


@cache
def vegalite_version() -> str:
    """The version of Vega-Lite that vl-convert ships and that is nearest to altair's own."""
    wanted = alt.SCHEMA_VERSION.removeprefix("v").split(".")
    shipped = vl_convert.get_vegalite_versions()
    same_major = [version for version in shipped if version.split(".")[0] == wanted[0]]
    exact = ".".join(wanted[:2])
    return str(exact if exact in shipped else (same_major or shipped)[-1])


def _tidy(svg: str, prefix: str, description: str) -> str:
    """Clean an SVG: no scripts or links, unique ids, one text alternative."""
    ElementTree.register_namespace("", NAMESPACE)
    root = ElementTree.fromstring(svg)  # noqa: S314
    for parent in list(root.iter()):
        is_points = parent.get("class", "").startswith("mark-symbol role-mark")
        for child in list(parent):
            name = child.tag.removeprefix(f"{{{NAMESPACE}}}")
            invisible = name == "path" and not child.get("d")
            if invisible or name not in {
                "g",
                "path",
                "line",
                "rect",
                "text",
                "tspan",
                "defs",
                "clipPath",
                "circle",
            }:
                parent.remove(child)
        for attribute, value in list(parent.attrib.items()):
            if attribute.startswith(("aria-", "role", "on", "{", "pointer-events", "class")):
                del parent.attrib[attribute]
            elif attribute == "id":
                parent.set("id", f"{prefix}-{value}")
            elif "url(#" in value:
                parent.set(attribute, value.replace("url(#", f"url(#{prefix}-"))
            elif attribute in {"transform", "d"}:
                parent.set(attribute, re.sub(r"(\.\d\d)\d+", r"\1", value))
        if is_points:
            parent.set("class", MARKS)
    root.set("role", "img")
    root.set("aria-label", description)
    return ElementTree.tostring(root, encoding="unicode")
