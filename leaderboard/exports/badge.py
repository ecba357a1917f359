"""A badge for a model's README: as an SVG, and as JSON for shields.io's endpoint badge.

The libraries that draw badges (anybadge, genbadge, pybadges) give no ``role``, label or title for
screen readers and lay a shadow under their text; so the picture is a template.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

from jinja2 import Environment, Template
from PIL import ImageFont

from leaderboard.exports.headlines import printable, raised_flags
from leaderboard.formatting.texts import interval, number
from leaderboard.store import Entry

LABEL = "non-singular robustness"

COLOURS = ((0.75, "#1a7f37"), (0.5, "#4d7c0f"), (0.25, "#8a6100"), (0.0, "#b42318"))
"""From which value on, the colour behind it; white text on each has a contrast of 4.5 or more."""

FLAGGED = "#9a3412"
UNMEASURED = "#57606a"
LABEL_COLOUR = "#3d444d"

_LONGEST = 48
"""Characters of a message; a longer name of a battery is cut."""
_PADDING = 6
_WIDER = 1.16
"""Verdana's letters against those of the font that they are measured with."""

_SVG = """\
<svg xmlns="http://www.w3.org/2000/svg" width="{{ width }}" height="20" role="img" \
aria-label="{{ label }}: {{ message }}">
<title>{{ title }}</title>
<rect width="{{ width }}" height="20" rx="3" fill="{{ label_colour }}"/>
<path d="M{{ left }} 0h{{ width - left - 3 }}a3 3 0 0 1 3 3v14a3 3 0 0 1 -3 3H{{ left }}z" \
fill="{{ colour }}"/>
<g fill="#fff" font-family="Verdana,'DejaVu Sans',Geneva,sans-serif" font-size="11">
<text x="{{ padding }}" y="14" textLength="{{ left - 2 * padding }}" \
lengthAdjust="spacingAndGlyphs">{{ label }}</text>
<text x="{{ left + padding }}" y="14" textLength="{{ width - left - 2 * padding }}" \
lengthAdjust="spacingAndGlyphs">{{ message }}</text>
</g>
</svg>
"""


@dataclass(frozen=True)
class Badge:
    """What a badge says.

    Attributes:
        message: its right half: value, battery, and what a reader must know of both.
        colour: behind the message, ``#rrggbb``.
        title: the same in full, with the model's name.
    """

    message: str
    colour: str
    title: str


def entry_shown(entries: Sequence[Entry]) -> Entry:
    """The one of a model's entries that speaks for it where there is room for one.

    One on test images rather than on training images, with the headline score, on the most
    examples, and of those the newest.
    """

    def worth(entry: Entry) -> tuple[bool, bool, int, str]:
        where = entry.provenance
        complete = "nonsingular" in entry.answers
        return (not entry.on_training_data, complete, where.examples, where.created)

    return max(entries, key=worth)


def badge_of(entry: Entry) -> Badge:
    """The badge of a stored result: its non-singular robust accuracy, or that there is none."""
    where = entry.provenance
    result = entry.answers.get("nonsingular")
    name = printable(entry.card.name)
    if result is None:
        said = f"not measured on {printable(where.battery)}"
        return Badge(_cut(said), UNMEASURED, f"{name}: {LABEL} {said}")
    score = result.scores["robust_accuracy"]
    value = number(score.value, "share")
    flags = raised_flags(entry)
    remarks = [f"{len(flags)} flag{'s' * (len(flags) != 1)}"] if flags else []
    remarks += ["training images"] if entry.on_training_data else []
    remark = f" ({', '.join(remarks)})" if remarks else ""
    on = f"{value} on {printable(where.battery)}"
    ends = interval(score, "share")
    measured = f" (95% interval {ends})" if ends else ""
    doubts = f"; raised flags: {printable(', '.join(flags))}" if flags else ""
    title = (
        f"{name}: non-singular robust accuracy {value}{measured} of {where.examples:,} "
        f"{where.split} images on {printable(where.battery)}{doubts}"
    )
    steps = (shade for least, shade in COLOURS if score.value >= least)
    return Badge(
        _cut(on, _LONGEST - len(remark)) + remark,
        FLAGGED if flags else next(steps, UNMEASURED),
        title,
    )


def badge_svg(badge: Badge) -> str:
    """The badge as an SVG document: 20 pixels high, with no links, scripts or fonts to fetch."""
    left = _width(LABEL) + 2 * _PADDING
    return _template().render(
        label=LABEL,
        label_colour=LABEL_COLOUR,
        message=badge.message,
        colour=badge.colour,
        title=badge.title,
        left=left,
        width=left + _width(badge.message) + 2 * _PADDING,
        padding=_PADDING,
    )


def shields_json(badge: Badge) -> str:
    """The badge for https://shields.io/badges/endpoint-badge, which draws it from this file."""
    content = {
        "schemaVersion": 1,
        "label": LABEL,
        "message": badge.message,
        "color": badge.colour,
        "labelColor": LABEL_COLOUR,
    }
    return json.dumps(content, ensure_ascii=False) + "\n"


def _cut(text: str, longest: int = _LONGEST) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"


@cache
def _template() -> Template:
    return Environment(autoescape=True).from_string(_SVG)


@lru_cache(maxsize=4096)
def _width(text: str) -> int:
    """Pixels that a text takes at 11 pixels; ``textLength`` fits other fonts into the same."""
    return round(ImageFont.load_default(11).getlength(text) * _WIDER)
