"""Cards, batteries and training plans that are broken are refused in a line."""

from __future__ import annotations

import pytest

from benchmark import load_battery
from models_zoo import load_card
from models_zoo.errors import InputError
from models_zoo.training.plan import load_plan

READERS = {
    "card": ("models_zoo.catalog.files", "digits/own.toml", lambda: load_card("digits/own")),
    "battery": ("benchmark.batteries.battery.files", "own.toml", lambda: load_battery("own")),
    "plan": ("models_zoo.training.plan.files", "plans/own.toml", lambda: load_plan("own")),
}
"""What finds the file, where it lies, and what reads it."""

CONTENTS = {
    "empty": b"",
    "no TOML": b"name = ",
    "not UTF-8": b'name = "\xff"',
    "cut in a character": "name = 'é".encode()[:-1],
    "UTF-16": 'name = "x"'.encode("utf-16"),
    "null bytes": b"\0\0\0",
    "nested without end": b"a = " + b"[" * 100_000,
    "number of 5,000 digits": b"classes = " + b"9" * 5000,
    "key twice": b"classes = 1\nclasses = 2",
    "unknown key": b"else = 1",
    "other types": b"classes = [1979-05-27]\ndataset = 7\narchitecture = inf\nname = {}",
    "escapes": b'"\x1b[2J" = 1',
    "long key": b"k" * 200_000 + b" = 1",
}


@pytest.mark.parametrize("content", CONTENTS.values(), ids=CONTENTS)
@pytest.mark.parametrize("kind", READERS)
def test_what_is_broken_is_refused_in_a_line(tmp_path, monkeypatch, kind, content):
    where, file, read = READERS[kind]
    (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / file).write_bytes(content)
    monkeypatch.setattr(where, lambda _: tmp_path)
    with pytest.raises(InputError, match="own' is broken") as caught:
        read()
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) <= 2000
