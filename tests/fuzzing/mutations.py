"""Changes to sound inputs that keep most of their structure, so that readers get far."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

Mutate = Callable[[bytes, random.Random], bytes]

VALUES: tuple[Any, ...] = (
    *(
        None,
        True,
        False,
        0,
        1,
        -1,
        255,
        2**31,
        2**32,
        2**53 + 1,
        2**62,
        2**63,
        -(2**63),
        10**30,
        10**400,
    ),
    *(0.5, -0.0, 1e308, -1e308, 5e-324, float("inf"), float("nan")),
    *("", " ", "a", "0", "-1", "8/255", "1/0", "nan", "1e999", "\0", "\x1b[2J", "\ud800", "\u202e"),
    *("../../etc/passwd", "<script>", "é" * 300, "9" * 5000, "F32", "I64", "linf"),
    *([], {}, [[]], [0], [-1, 2**40], ["a", "a"], {"a": {}}, {"kind": "input"}, [None] * 300),
)
"""What is put in the place of a value."""

BYTES = (
    b"",
    b"\0",
    b"\xff" * 8,
    b"\x80",
    b"PK\x03\x04",
    b"{",
    b"[" * 2000,
    b"\n",
    b'"',
    b"\xed\xa0",
)
"""What is put between bytes."""


def damaged(content: bytes, draw: random.Random) -> bytes:
    """One to four changes of bytes: flipped bits, overwritten, cut out, repeated, inserted."""
    changed = bytearray(content)
    for _ in range(draw.choice([1, 1, 2, 4])):
        place = draw.randrange(len(changed) + 1)
        if draw.random() < 0.4:
            place = min(place, draw.randrange(1, 400))
        length = draw.choice([1, 1, 2, 4, 8, 40])
        kind = draw.randrange(6)
        if kind == 0 and changed:
            changed[place % len(changed)] ^= 1 << draw.randrange(8)
        elif kind == 1:
            changed[place : place + length] = draw.randbytes(length)
        elif kind == 2:
            del changed[place : place + length]
        elif kind == 3:
            changed[place:place] = changed[max(0, place - length) : place]
        elif kind == 4:
            changed[place:place] = draw.choice(BYTES)
        else:
            del changed[draw.randrange(len(changed) + 1) :]
    return bytes(changed)


def changed_json(value: Any, draw: random.Random) -> Any:
    """A value with some of its parts replaced, removed, doubled or swapped."""
    for _ in range(draw.choice([1, 1, 1, 2, 3])):
        value = _changed_once(value, draw)
    return value


def _changed_once(value: Any, draw: random.Random) -> Any:
    if isinstance(value, dict) and value and draw.random() < 0.9:
        copied = dict(value)
        key = draw.choice(sorted(copied, key=str))
        kind = draw.random()
        if kind < 0.7:
            copied[key] = _changed_once(copied[key], draw)
        elif kind < 0.8:
            del copied[key]
        elif kind < 0.9:
            copied[draw.choice(["", "a", "\ud800", "__class__", f"{key}x"])] = copied[key]
        else:
            copied[key] = copied[draw.choice(sorted(copied, key=str))]
        return copied
    if isinstance(value, list) and value and draw.random() < 0.9:
        copied_list = list(value)
        place = draw.randrange(len(copied_list))
        kind = draw.random()
        if kind < 0.6:
            copied_list[place] = _changed_once(copied_list[place], draw)
        elif kind < 0.8:
            del copied_list[place]
        else:
            copied_list.insert(place, copied_list[place])
        return copied_list
    if isinstance(value, int) and not isinstance(value, bool) and draw.random() < 0.5:
        return value + draw.choice([-(2**33), -8, -4, -1, 1, 4, 8, 2**33])
    return draw.choice(VALUES)


def json_bytes(value: Any) -> bytes:
    """JSON, also of numbers that are none and halves of pairs."""
    return json.dumps(value).encode()


def nested(value: Any, draw: random.Random) -> bytes:
    """JSON, once in a while of a depth that no parser likes."""
    coded = json_bytes(value)
    if draw.random() < 0.03:
        depth = draw.choice([500, 2000, 100_000])
        return b"[" * depth + coded + b"]" * depth
    return coded
