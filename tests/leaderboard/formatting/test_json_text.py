"""JSON text that may be printed on a terminal."""

import json

import pytest

from leaderboard.formatting.json_text import json_text


@pytest.mark.parametrize(
    "odd", ["\x00", "\x1b", "\n", "\x7f", "\x80", "\x9b", "\x9f", "a\ud800\x9b"]
)
def test_control_characters_are_escaped_and_kept(odd):
    text = json_text({"name": odd})
    assert not any(ord(each) < 32 or 127 <= ord(each) < 160 for each in text)
    assert json.loads(text) == {"name": odd}


def test_other_characters_stay_as_they_are():
    assert json_text(["é", "模", "😀", float("nan")]) == '["é","模","😀",null]'
