"""The findings as a page of the site."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from typing import Any

from markupsafe import Markup, escape

from leaderboard.charts.curves import Picture
from leaderboard.charts.svg import Painter
from leaderboard.findings import RULE, make_findings, make_panels
from leaderboard.findings.finding import Figure
from leaderboard.store import Entry


def findings_values(entries: Sequence[Entry], painter: Painter) -> dict[str, Any]:
    """What the page's template needs.

    Args:
        entries: everything stored, results on training images included.
        painter: draws the figures.
    """
    panels = make_panels(entries)
    return {
        "panels": panels,
        "findings": make_findings(entries) if panels else [],
        "rule": RULE,
        "draw": partial(_draw, painter),
    }


def prose(text: str) -> Markup:
    """Text with Markdown's code spans and emphasis, as HTML."""
    safe = re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text)))
    return Markup(re.sub(r"\*([^*<>]+)\*", r"<em>\1</em>", safe))  # noqa: S704


def _draw(painter: Painter, figure: Figure) -> Picture:
    svg, file = painter.draw(figure.chart, figure.description)
    return Picture(figure.title, svg, file, [], [])
