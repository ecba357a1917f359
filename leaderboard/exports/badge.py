"""A badge for a model's README: as an SVG, and as JSON for shields.io's endpoint badge.

The libraries that draw badges (anybadge, genbadge, pybadges) give no ``role``, label or title for
screen readers and draw a shadow under their text, so the picture is a template.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

from jinja2 import Environment, Template
from PIL import ImageFont

from leaderboard.exports.headlines import raised_flags, xml_text
from leaderboard.formatting.texts import interval, number
from leaderboard.store import Entry

LABEL = "non-singular robustness"

COLORS = ((0.75, "#1a7f37"), (0.5, "#4d7c0f"), (0.25, "#8a6100"), (0.0, "#b42318"))
"""Minimum value and its color; white text on each has a contrast of at least 4.5."""

FLAGGED = "#9a3412"
UNMEASURED = "#57606a"
LABEL_COLOR = "#3d444d"

_MAX_CHARACTERS = 48
"""Maximum length of a message; longer names of batteries are cut."""
_PADDING = 6
_WIDTH_MARGIN = 1.16
"""Width of Verdana relative to the font that text is measured with."""

_SVG = """\
<svg xmlns="http://www.w3.org/2000/svg" width="{{ width }}" height="20" role="img" \
aria-label="{{ label }}: {{ message }}">
<title>{{ title }}</title>
<rect width="{{ width }}" height="20" rx="3" fill="{{ label_color }}"/>
<path d="M{{ left }} 0h{{ width - left - 3 }}a3 3 0 0 1 3 3v14a3 3 0 0 1 -3 3H{{ left }}z" \
fill="{{ color }}"/>
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
    """The content of a badge.

    Attributes:
        message: text on the right: value, battery and number of flags.
        color: behind the message, ``#rrggbb``.
        title: the same in full, with the model's name.
    """

    message: str
    color: str
    title: str


def entry_shown(entries: Sequence[Entry]) -> Entry:
    """The entry that represents a model where only one can be shown.

    One on test images rather than on training images, and on the data set's own rather than on
    others, with the headline score, on the most examples, and of those the newest.
    """

    def worth(entry: Entry) -> tuple[bool, bool, bool, int, str]:
        where = entry.provenance
        complete = "nonsingular" in entry.answers
        usual = not entry.on_own_data
        return (not entry.on_training_data, usual, complete, where.examples, where.created)

    return max(entries, key=worth)


def badge_of(entry: Entry) -> Badge:
    """The badge of a stored result, with its non-singular robust accuracy if there is one."""
    where = entry.provenance
    result = entry.answers.get("nonsingular")
    name = xml_text(entry.card.name)
    if result is None:
        said = f"not measured on {xml_text(where.battery)}"
        return Badge(_cut(said), UNMEASURED, f"{name}: {LABEL} {said}")
    score = result.scores["robust_accuracy"]
    value = number(score.value, "share")
    flags = raised_flags(entry)
    remarks = [f"{len(flags)} flag{'s' * (len(flags) != 1)}"] if flags else []
    noun = entry.card.inputs.noun
    remarks += [f"training {noun}s"] if entry.on_training_data else []
    remarks += [f"own {noun}s"] if entry.on_own_data else []
    remark = f" ({', '.join(remarks)})" if remarks else ""
    on = f"{value} on {xml_text(where.battery)}"
    ends = interval(score, "share")
    measured = f" (95% interval {ends})" if ends else ""
    doubts = f"; raised flags: {xml_text(', '.join(flags))}" if flags else ""
    title = (
        f"{name}: non-singular robust accuracy {value}{measured} of {where.examples:,} "
        f"{'own ' if entry.on_own_data else ''}{where.split} {noun}s on {xml_text(where.battery)}"
        f"{doubts}"
    )
    steps = (shade for least, shade in COLORS if score.value >= least)
    return Badge(
        _cut(on, _MAX_CHARACTERS - len(remark)) + remark,
        FLAGGED if flags else next(steps, UNMEASURED),
        title,
    )


def badge_svg(badge: Badge) -> str:
    """The badge as an SVG document: 20 pixels high, with no links, scripts or fonts to fetch."""
    left = _width(LABEL) + 2 * _PADDING
    return _template().render(
        label=LABEL,
        label_color=LABEL_COLOR,
        message=badge.message,
        color=badge.color,
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
        "color": badge.color,
        "labelColor": LABEL_COLOR,
    }
    return json.dumps(content, ensure_ascii=False) + "\n"


def _cut(text: str, longest: int = _MAX_CHARACTERS) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"


@cache
def _template() -> Template:
    return Environment(autoescape=True).from_string(_SVG)


@lru_cache(maxsize=4096)
def _width(text: str) -> int:
    """Width of a text at 11 pixels, in pixels; ``textLength`` fits other fonts into it."""
    return round(ImageFont.load_default(11).getlength(text) * _WIDTH_MARGIN)
