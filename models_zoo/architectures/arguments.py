"""Names of architectures with arguments: ``NAME?key=value,key=value``."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from models_zoo.errors import InputError, shown

Value = int | float | bool | str | None | tuple[int, ...]
"""The types of an argument."""

LONGEST = 300
"""Maximum number of characters of a name with its arguments."""

LARGEST = 16384
"""Largest integer of an argument; no current network has a layer this wide."""

_WORDS: dict[str, Value] = {"true": True, "false": False, "none": None}


@dataclass(frozen=True)
class Call:
    """The parsed name of an architecture.

    Attributes:
        name: the text before the question mark.
        arguments: the arguments after it, sorted by name.
    """

    name: str
    arguments: dict[str, Value] = field(default_factory=dict)

    def __str__(self) -> str:
        """The canonical spelling of the name, which is stored with scores."""
        given = ",".join(f"{key}={_text(value)}" for key, value in self.arguments.items())
        return f"{self.name}?{given}" if given else self.name


def parse_call(text: str) -> Call:
    """An architecture's name and its arguments.

    Args:
        text: such as ``"timm:resnet18?drop_rate=0.1,global_pool=max"``; ``&`` separates as well.
            Values are integers, floats, ``true``, ``false``, ``none``, several integers as in
            ``2x2x6x2``, and words.

    Raises:
        InputError: an argument has another form, is given twice, or is beyond :data:`LARGEST`.
    """
    if len(text) > LONGEST:
        raise InputError(
            f"architecture {shown(text)} has {len(text):,} characters; write at most {LONGEST}"
        )
    name, mark, rest = text.partition("?")
    arguments: dict[str, Value] = {}
    for part in re.split("[,&]", rest) if mark else ():
        found = re.fullmatch(r"([A-Za-z_]\w*)=([\w.+-]+)", part)
        if found is None:
            raise InputError(
                f"architecture {shown(text)}: {shown(part)} is not an argument; "
                "write NAME?key=value,key=value"
            )
        key, value = found[1], _value(found[2])
        if key in arguments:
            raise InputError(f"architecture {shown(text)} gives {key} twice; give it once")
        numbers = value if isinstance(value, tuple) else (value,)
        if any(isinstance(each, int) and abs(each) > LARGEST for each in numbers):
            raise InputError(
                f"architecture {shown(text)}: {key}={found[2]} is too large; "
                f"give whole numbers up to {LARGEST}"
            )
        arguments[key] = value
    return Call(name, dict(sorted(arguments.items())))


def _value(text: str) -> Value:
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    if re.fullmatch(r"-?[0-9]{1,9}", text):
        return int(text)
    if re.fullmatch(r"-?[0-9]{1,9}(x[0-9]{1,9})+", text):
        return tuple(int(each) for each in text.split("x"))
    if re.fullmatch(r"-?([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]{1,3})?", text.lower()):
        return float(text)
    return text


def _text(value: Value) -> str:
    if isinstance(value, tuple):
        return "x".join(map(str, value))
    if value is None or isinstance(value, bool):
        return str(value).lower()
    return str(value)
