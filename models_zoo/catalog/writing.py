"""A card as TOML, in the form the catalog reads."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from models_zoo.card import Card

FROM_PATH = {"name", "dataset", "source"}
"""Fields that a catalog card leaves out: its path gives the first two, and "bundled" is the
default."""


def card_to_toml(card: Card) -> str:
    """The text of a catalog file that :func:`models_zoo.load_card` reads back.

    Fields in :data:`FROM_PATH`, empty notes and fields without a value are left out.
    """
    left_out = FROM_PATH if card.notes else {*FROM_PATH, "notes"}
    fields = card.model_dump(mode="json", exclude=left_out, exclude_none=True)
    return "\n".join(_lines("", fields)) + "\n"


def _lines(table: str, fields: Mapping[str, object]) -> list[str]:
    lines = [
        f"{_key(key)} = {_value(value)}"
        for key, value in fields.items()
        if not isinstance(value, Mapping)
    ]
    for key, value in fields.items():
        if isinstance(value, Mapping):
            inner = f"{table}.{_key(key)}".lstrip(".")
            lines += ["", f"[{inner}]", *_lines(inner, value)]
    return lines


def _key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else _value(key)


def _value(value: object) -> str:
    # JSON's strings, numbers, booleans and lists are TOML's too, but for the delete character.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
