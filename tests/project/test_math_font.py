"""The font of the formulas has every character of every formula."""

from __future__ import annotations

import re

from perf.math_font import STYLE, characters, with_italics


def test_the_font_has_every_character_of_every_formula():
    (codes,) = re.findall(r"unicode-range: ([^;]+);", STYLE.read_text("utf-8"))
    declared = {int(code.removeprefix("U+"), 16) for code in codes.split(", ")}
    lacking = {each for each in with_italics(characters()) if ord(each) not in declared}
    assert not lacking, "run: python -m perf.math_font (see its docstring)"
