"""Text in LaTeX: nothing of it is interpreted, and every engine can set it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaderboard.exports.latex import latex_comment, latex_text


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("a_b & 50% #1 $x$", r"a\_b \& 50\% \#1 \$x\$"),
        (r"\input{/etc/passwd}", r"\textbackslash{}input\{/etc/passwd\}"),
        ("x^2~y", r"x\textasciicircum{}2\textasciitilde{}y"),
        ("<a|b>", r"\textless{}a\textbar{}b\textgreater{}"),
        ("a\nb\tc", "a b c"),
        ("Müller, Ångström, Šimić", r"M\"{u}ller, \r{A}ngstr\"{o}m, \v{S}imi\'{c}"),
        ("naïve", r"na\"{\i}ve"),
        ("Łukasz ß", r"\L{}ukasz \ss{}"),
        ("43.1\N{EN DASH}46.4, \N{MINUS SIGN}1", "43.1--46.4, $-$1"),
        ("中", "[U+4E2D]"),
        ("\u202e", "[U+202E]"),
        ("\udcff", "[U+DCFF]"),
        ("\x1b[31m", "[U+001B][31m"),
        ('"a" `b`', r"''a'' \`{}b\`{}"),
    ],
)
def test_characters_are_escaped(text, written):
    assert latex_text(text) == written


@given(st.text())
def test_the_result_is_ascii_and_its_braces_close(text):
    written = latex_text(text)
    assert written.isascii()
    assert "\n" not in written
    depth, escaped = 0, False
    for character in written:
        if escaped:
            escaped = False
        elif character == "\\":
            escaped = True
        else:
            assert character not in "#&"
            depth += (character == "{") - (character == "}")
            assert depth >= 0
    assert depth == 0
    assert latex_comment(text).isascii()
    assert "\n" not in latex_comment(text)
