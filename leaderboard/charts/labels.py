"""Texts of strangers as a chart can hold them: printable, short, whole characters, distinct.

Vega would shorten a label that is too long for its place itself, in the middle of a character
beyond the basic plane where that is where the pixels end, and then fail. How long a label is
depends on the fonts of the machine. So charts tell Vega to shorten nothing, and get short texts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from rich.cells import split_graphemes

LONGEST = 97
"""Width of the longest text that a chart shows, in columns of a terminal."""

_MOST_CODES = 8
"""Code points of one character that are kept: marks can be piled on a letter without end."""

_UNPRINTABLE = re.compile("[^\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def printable(text: str) -> str:
    """``text`` on one line, with what a picture cannot hold replaced.

    vl-convert aborts the process on what XML cannot hold, and Vega refuses ends of lines, those of
    Unicode included, in the order of a scale.
    """
    return _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", text)


def short(text: str, most: int = LONGEST) -> str:
    """What a chart shows of a text: all of it, or its two ends where it is too long.

    Names of layers are what the author of a network chose, and drawing takes time that grows with
    the square of their length.

    Args:
        text: any text, lone surrogates and control characters included.
        most: width in columns of a terminal; a wide character takes two.
    """
    shown = printable(text)
    if len(shown) <= most and shown.isascii():
        return shown
    # Of a text of millions of characters only the ends matter.
    reach = most * _MOST_CODES
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


def distinct(texts: Iterable[str], most: int = LONGEST) -> dict[str, str]:
    """What a chart shows of each text, different for different texts.

    Args:
        texts: names of series or rows, which a chart tells apart by what it shows of them.
        most: width in columns of a terminal of what is shown.
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
    """The characters as a reader counts them, each with its width, and the width of all."""
    spans, total = split_graphemes(text)
    return [
        (text[start : min(end, start + _MOST_CODES)], width) for start, end, width in spans
    ], total


def _fitting(characters: list[tuple[str, int]], room: int) -> list[str]:
    kept = []
    for character, width in characters:
        room -= width
        if room < 0:
            break
        kept.append(character)
    return kept
