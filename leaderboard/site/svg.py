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

from leaderboard.site.chart_style import Layers

_NAMESPACE = "http://www.w3.org/2000/svg"
_REVISION = 1
"""Raised when this module would draw the same chart differently, so that cached ones go."""

_END = 48
"""How many characters of either end of a very long text a chart shows."""

_UNPRINTABLE = re.compile("[^\x20-\u2027\u202a-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def printable(text: str) -> str:
    """``text`` on one line, with what a picture cannot hold replaced.

    vl-convert aborts the process on what XML cannot hold, and Vega refuses ends of lines, those of
    Unicode included, in the order of a scale.
    """
    return _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", text)


def short(text: str) -> str:
    """What a chart shows of a text: all of it, or its two ends where it is very long.

    Names of layers are what the author of a network chose, and drawing takes time that grows with
    the square of their length.
    """
    shown = printable(text)
    return (
        shown
        if len(shown) <= 2 * _END + 1
        else f"{shown[:_END]}\N{HORIZONTAL ELLIPSIS}{shown[-_END:]}"
    )


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

        Args:
            chart: what to draw, as a chart or as its Vega-Lite specification.
            description: what a reader who cannot see it should be told.
        """
        spec = _printable(chart if isinstance(chart, dict) else chart.to_dict())
        tools = [_REVISION, _converter(), description]
        content = json.dumps([spec, tools], sort_keys=True)
        key = hashlib.sha256(content.encode()).hexdigest()[:16]
        name = f"{key}.svg"
        text = self._kept(name)
        if text is None:
            drawn = vl_convert.vegalite_to_svg(spec, vl_version=_vegalite_version())
            text = _tidy(drawn, f"c{key}", printable(description))
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


def _printable(value: Any) -> Any:
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, dict):
        return {printable(str(key)): _printable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_printable(item) for item in value]
    return value


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
