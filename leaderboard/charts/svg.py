"""Vega-Lite charts as SVG that can stand inside a page: small, safe, in the page's colours."""

from __future__ import annotations

import hashlib
import json
import re
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any
from xml.etree import ElementTree  # reads what vl-convert wrote a moment ago

import altair as alt
import vl_convert
from markupsafe import Markup

from leaderboard.charts.labels import printable, short
from leaderboard.charts.style import Layers
from leaderboard.terminal.warnings import notice
from models_zoo.errors import reason_of

_NAMESPACE = "http://www.w3.org/2000/svg"
_REVISION = 2
"""Raised when this module would draw the same chart differently, so that cached ones go."""

NOT_DRAWN = Markup(
    '<p class="quiet">This picture could not be drawn. The numbers it shows are not affected.</p>'
)
"""What stands on a page in place of a chart that fails."""

_CUTTING = ("labelLimit", "titleLimit", "limit")
_UNCUT = {
    "axis": {"labelLimit": 0, "titleLimit": 0},
    "legend": {"labelLimit": 0, "titleLimit": 0},
    "header": {"labelLimit": 0, "titleLimit": 0},
    "title": {"limit": 0},
    "text": {"limit": 0},
}
"""Vega must not shorten a text, see :mod:`leaderboard.charts.labels`; 0 is no limit."""


class Painter:
    """Draws charts, or takes them from the site that was rendered before.

    Args:
        earlier: the ``charts`` folder of the earlier site; may be missing.
        folder: the ``charts`` folder of the new one, made with the first chart; ``None`` for a page
            that stands alone, whose charts have no files.
    """

    def __init__(self, earlier: Path | None = None, folder: Path | None = None) -> None:
        self.earlier = earlier
        self.folder = folder
        self.drawn = 0

    def draw(self, chart: Layers | dict[str, Any], description: str) -> tuple[Markup, str]:
        """An ``<svg>`` for a page and the name of its file in the charts folder, if there is one.

        A chart that cannot be drawn is left out with a line on stderr: it must not take the page
        with it.

        Args:
            chart: what to draw, as a chart or as its Vega-Lite specification.
            description: what a reader who cannot see it should be told.

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

    def _kept(self, name: str) -> str | None:
        """The text of a chart that was drawn before, for this site or the earlier one."""
        files = (folder / name for folder in (self.folder, self.earlier) if folder is not None)
        return next((file.read_text("utf-8") for file in files if file.is_file()), None)


def drawable(spec: dict[str, Any]) -> dict[str, Any]:
    """A Vega-Lite specification whose texts are printable and none of which Vega shortens."""
    safe: dict[str, Any] = _printable(spec)
    config = safe.get("config", {})
    uncut = {part: config.get(part, {}) | limits for part, limits in _UNCUT.items()}
    return safe | {"config": config | uncut}


def _printable(value: Any) -> Any:
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, dict):
        return {
            printable(str(key)): 0 if key in _CUTTING else _printable(item)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_printable(item) for item in value]
    return value


def _drawn(spec: dict[str, Any], prefix: str, description: str) -> str | None:
    """The chart as tidy SVG; ``None``, and a line on stderr, where the drawing fails."""
    try:
        drawn = vl_convert.vegalite_to_svg(spec, vl_version=_vegalite_version())
        return _tidy(drawn, prefix, printable(description))
    except BaseException as error:
        # A panic of the converter is no Exception.
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        what = short(description)
        notice(f"a picture could not be drawn and is left out: {what}: {reason_of(error)}")
        return None


@cache
def _converter() -> str:
    return version("vl-convert-python")


@cache
def _vegalite_version() -> str:
    """The version of Vega-Lite that vl-convert ships and that is nearest to altair's own."""
    wanted = alt.SCHEMA_VERSION.removeprefix("v").split(".")
    shipped = vl_convert.get_vegalite_versions()
    same_major = [version for version in shipped if version.split(".")[0] == wanted[0]]
    exact = ".".join(wanted[:2])
    return str(exact if exact in shipped else (same_major or shipped)[-1])


def _tidy(svg: str, prefix: str, description: str) -> str:
    """Keep the drawing: no scripts or links, unique ids, one description for the whole."""
    ElementTree.register_namespace("", _NAMESPACE)
    root = ElementTree.fromstring(svg)  # noqa: S314
    for parent in list(root.iter()):
        for child in list(parent):
            name = child.tag.removeprefix(f"{{{_NAMESPACE}}}")
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
    root.set("role", "img")
    root.set("aria-label", description)
    return ElementTree.tostring(root, encoding="unicode")
