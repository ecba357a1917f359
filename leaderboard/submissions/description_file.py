"""The file of a submission, ``submission.toml``: reading it, with the line of what is wrong."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from leaderboard.submissions.description import Claims, Description
from models_zoo.checkpoint.content import read_file
from models_zoo.display import printable, shown
from models_zoo.errors import InputError, close_names, first_problem, reason_of

LARGEST = 1 << 16
"""Maximum number of bytes of a file; one with every text at its limit has a fifth of that."""

SHOWN = 40
"""Maximum number of characters of a value in a message."""

KIND = "submission"
"""Kind of the file in messages."""


def read_description(path: Path) -> dict[str, Any]:
    """The content of a file, with known keys only; values are not checked yet.

    Args:
        path: a TOML file.

    Raises:
        InputError: it cannot be read, is not TOML or has unknown keys.
    """
    text = _text(path)
    try:
        content = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{KIND} {shown(path)} is not TOML: {reason_of(error)}") from error
    _require_known(path, text, content, Description)
    claims = content.get("claims")
    if isinstance(claims, dict):
        _require_known(path, text, claims, Claims, "claims")
    return content


def description_of(
    options: Mapping[str, Any], content: Mapping[str, Any], path: Path | None = None
) -> Description:
    """The description that a file and options give together; options take precedence.

    Args:
        options: by field of :class:`Description`; ``None`` is one that was not given.
        content: of the file, see :func:`read_description`.
        path: of the file.

    Raises:
        InputError: a value is missing or cannot be used; the message names the option, or the file
            and the line.
    """
    given = {key: value for key, value in options.items() if value is not None}
    claims = given.pop("claims", {})
    merged = dict(content) | given
    if claims:
        stated = content.get("claims")
        merged["claims"] = (stated if isinstance(stated, dict) else {}) | claims
    try:
        return Description.model_validate(merged)
    except ValidationError as error:
        raise InputError(_message(error, given | claims, path)) from error


def _message(error: ValidationError, given: Mapping[str, Any], path: Path | None) -> str:
    """What is wrong with which value, as the option or the line of the file that gives it."""
    at_fault, reason, value = first_problem(error)
    fields = {**Description.model_fields, **Claims.model_fields}
    place = [each for each in at_fault.split(".") if each in fields]
    key = place[-1] if place else ""
    option = f"--{key.replace('_', '-')}"
    if error.errors()[0]["type"] == "missing":
        where = f" or {key} in {shown(path)}" if path is not None else " or a --description FILE"
        return f"a submission needs {option}{where}"
    if not key or isinstance(value, dict | BaseModel):
        said = f": {reason}"
    elif reason.startswith(("has ", "is ")):  # reasons of our own, about the value
        said = f" {shown(value, SHOWN)} {reason}"
    else:
        said = f": {reason}, got {shown(value, SHOWN)}"
    if key in given or path is None:
        return f"{option if key else KIND}{said}"
    table = place[0] if len(place) > 1 else ""
    line = _line_of(_text(path), key, table) if key else None
    at = f", line {line}" if line else ""
    return f"{KIND} {shown(path)}{at}{f': {key}' if key else ''}{said}"


def _text(path: Path) -> str:
    try:
        return read_file(path, kind=KIND, most=LARGEST).data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{KIND} {shown(path)} is not UTF-8; save it again as UTF-8") from error


def _require_known(
    path: Path, text: str, content: Mapping[str, Any], kind: type[BaseModel], table: str = ""
) -> None:
    for key in content:
        if key in kind.model_fields:
            continue
        line = _line_of(text, key, table)
        at = f", line {line}" if line else ""
        close = close_names(key, sorted(kind.model_fields))
        known = ", ".join(kind.model_fields)
        hint = f"did you mean {close[0]}?" if close else f"known: {known}"
        where = f" in [{table}]" if table else ""
        raise InputError(f"{KIND} {shown(path)}{at}: unknown key {shown(key)}{where}; {hint}")


def _line_of(text: str, key: str, table: str = "") -> int | None:
    """The number of the line that sets a key of a table; ``None`` if it is not found.

    TOML's parser of the standard library does not keep it. A key may be quoted or written with its
    table, as ``claims.eps``.
    """
    name = rf"[\"']?{re.escape(key)}[\"']?"
    dotted = rf"[\"']?{re.escape(table)}[\"']?\s*\.\s*{name}" if table else None
    header = ""
    for number, line in enumerate(text.splitlines(), 1):
        begins = re.match(r"\s*\[+\s*([^\]]*?)\s*\]+", line)
        if begins:
            header = begins[1].strip("\"'")
            if not table and header == printable(key):
                return number
        elif (header == table and re.match(rf"\s*{name}\s*[.=]", line)) or (
            not header and dotted and re.match(rf"\s*{dotted}\s*=", line)
        ):
            return number
    return None
