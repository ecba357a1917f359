"""Arbitrary text as labels of charts: printable, short, whole characters, distinct.

Vega shortens labels that are too long for their place, possibly in the middle of a surrogate pair,
and then fails. The length in pixels depends on the fonts of the machine. So charts tell Vega to
shorten nothing, and pass short texts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from rich.cells import split_graphemes

MAX_WIDTH = 97
"""Maximum width of a text in a chart, in columns of a terminal."""

_MAX_CODE_POINTS = 8
"""Maximum number of code points per character: a letter can have any number of marks."""

_UNPRINTABLE = re.compile("[^\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def chart_text(text: str) -> str:
    """``text`` on one line, with characters that a chart cannot contain replaced.

    vl-convert aborts the process on characters that XML does not allow, and Vega refuses line ends,
    including those of Unicode, in the order of a scale.
    """
    return _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", text)


def short(text: str, most: int = MAX_WIDTH) -> str:
    """A text as a chart shows it: whole, or its two ends if it is too long.

    Names of layers can be arbitrarily long, and the time for drawing grows with the square of the
    length.

    Args:
        text: any text, lone surrogates and control characters included.
        most: width in columns of a terminal; a wide character takes two.
    """
    shown = chart_text(text)
    if len(shown) <= most and shown.isascii():
        return shown
    # Of a text of millions of characters only the ends matter.
    reach = most * _MAX_CODE_POINTS
    if len(shown) <= 2 * reach:
        characters, total = _characters(shown)
        if total <= most:
            return "".join(text for text, _ in characters)
        first = last = characters
    else:
        first, last = _characters(shown[:reach])[0], _characters(shown[-reach:])[0]
    room = most - 1
    head = _fitting(first, room - room // 2)
    tail = _fitting(last[::-1], room // 2)[::-1]
    return f"{''.join(head)}\N{HORIZONTAL ELLIPSIS}{''.join(tail)}"


def distinct(texts: Iterable[str], most: int = MAX_WIDTH) -> dict[str, str]:
    """Each text as a chart shows it, different for different texts.

    Args:
        texts: names of series or rows, which a chart identifies by their labels.
        most: maximum width of a label, in columns of a terminal.
    """
    labels: dict[str, str] = {}
    taken: set[str] = set()
    for text in dict.fromkeys(texts):
        label, number = short(text, most), 1
        while label in taken:
            number += 1
            mark = f" ({number})"
            label = short(text, max(most - len(mark), 1)) + mark
        taken.add(label)
        labels[text] = label
    return labels


def _characters(text: str) -> tuple[list[tuple[str, int]], int]:
    """The grapheme clusters, each with its width, and the total width."""
    spans, total = split_graphemes(text)
    return [
        (text[start : min(end, start + _MAX_CODE_POINTS)], width) for start, end, width in spans
    ], total


def _fitting(characters: list[tuple[str, int]], room: int) -> list[str]:
    kept = []
    for character, width in characters:
        room -= width
        if room < 0:
            break
        kept.append(character)
    return kept
