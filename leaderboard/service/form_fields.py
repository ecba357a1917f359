"""From the fields of the page's form to a description."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from leaderboard.service.problems import Problem
from models_zoo.errors import shown

TEXTS = (
    *("name", "dataset", "architecture", "weights", "paper", "authors", "recipe"),
    *("extra_data_note", "licence", "contact", "notes"),
)
NUMBERS = ("mean", "std")
CLAIMS = ("clean_accuracy", "robust_accuracy", "norm", "eps", "attack")
SHARES = ("clean_accuracy", "robust_accuracy")
EXTRA_DATA: Mapping[str, bool | None] = {"": None, "yes": True, "no": False}

NAMES = frozenset((*TEXTS, *NUMBERS, *CLAIMS, "extra_data", "token"))
"""Names of all fields but the file's."""


def description_of_fields(fields: Mapping[str, str]) -> dict[str, Any]:
    """What the fields of the form say, to be validated as a description; empty ones say nothing.

    Args:
        fields: by name, as typed.

    Raises:
        Problem: a field is unknown, or is not a number where one is needed.
    """
    if unknown := set(fields) - NAMES:
        raise Problem(
            *(422, "invalid", f"{shown(min(unknown))} is no field of the form"), "leave it out"
        )
    given = {name: text.strip() for name, text in fields.items() if text.strip()}
    said: dict[str, Any] = {name: given[name] for name in TEXTS if name in given}
    for name in NUMBERS:
        if name in given:
            said[name] = [_number(name, part) for part in given[name].split(",")]
    if "extra_data" in given:
        if given["extra_data"] not in EXTRA_DATA:
            raise Problem(422, "invalid", "extra_data is 'yes', 'no' or empty", "choose one")
        said["extra_data"] = EXTRA_DATA[given["extra_data"]]
    claims: dict[str, Any] = {name: given[name] for name in CLAIMS if name in given}
    claims |= {name: _number(name, claims[name]) for name in SHARES if name in claims}
    return said | ({"claims": claims} if claims else {})


def _number(name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise Problem(
            *(422, "invalid", f"{name}: {shown(text.strip())} is not a number"),
            "write numbers such as 0.5, separated by commas",
        ) from None
