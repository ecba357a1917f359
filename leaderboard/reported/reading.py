"""Reading rows that are reported elsewhere, from files that anybody may have written."""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from benchmark.spaces.inputs import NORMS
from leaderboard.reported.row import ReportedRow
from models_zoo.checkpoint import read_file
from models_zoo.display import label, shown
from models_zoo.errors import InputError, first_problem, reason_of

MAX_FILE = 16 << 20
"""Maximum size of a file, bytes: 300 times RobustBench's table."""

MAX_ROWS = 20_000
"""Maximum number of rows: 80 times RobustBench's, so that a page with them still opens."""

COLUMNS = tuple(
    name for name in ReportedRow.model_fields if name not in ("source", "date", "licence")
)
"""The columns of a file."""

ALIASES = {"threat": "norm", "external": "best_known"}
"""Columns of RobustBench's ``model_info`` that are called differently there."""

_BOOLEANS = {"true": True, "false": False, "": None}

_BREAK = re.compile(r"\s*<br ?/?>\s*")
"""RobustBench's line breaks within a venue."""


@dataclass
class ReportedFile:
    """A checked file.

    Attributes:
        path: of the file.
        source, date, licence: of all its rows.
        rows: those under a norm that this package knows.
        other_threats: number of rows under other threats, such as corruptions, which are left out.
        unread: columns that are not read.
    """

    path: Path
    source: str
    date: str
    licence: str
    rows: list[ReportedRow] = field(default_factory=list)
    other_threats: Counter[str] = field(default_factory=Counter)
    unread: list[str] = field(default_factory=list)


def read_reported(path: str | Path, *, source: str, date: str, licence: str) -> ReportedFile:
    """Read and check a whole file of rows.

    Args:
        path: ``FILE.tsv`` with a line of headings, or ``FILE.json`` with a list of objects. The
            columns are :data:`COLUMNS` or their :data:`ALIASES`; others are not read.
        source: who publishes the rows.
        date: of the publication, ISO 8601.
        licence: SPDX identifier of their licence.

    Raises:
        InputError: the file cannot be read, or a row is not usable; the message names it.
    """
    file = read_file(path, kind="file of reported rows", most=MAX_FILE)
    return parse_reported(file.path, file.data, source=source, date=date, licence=licence)


def parse_reported(
    path: Path, data: bytes, *, source: str, date: str, licence: str
) -> ReportedFile:
    """As :func:`read_reported`, from the content of a file."""
    found = ReportedFile(path, source, date, licence)
    number = 0
    try:
        for number, given in enumerate(_rows(path, data), 1):
            if number > MAX_ROWS:
                raise ValueError(f"there are more than {MAX_ROWS:,} rows")
            row = _row(_known(given, found), found)
            if row is not None:
                found.rows.append(row)
        number = 0
        _require_unique(found.rows)
    except ValidationError as error:
        problem = first_problem(error)
        if problem.place in ("source", "date", "licence"):
            raise InputError(f"{problem.place}: {problem.reason}") from error
        place = f"{problem.place}: " if problem.place else ""
        raise _refused(path, number, f"{place}{problem.reason}") from error
    except (ValueError, TypeError, csv.Error, RecursionError) as error:
        raise _refused(path, number, reason_of(error)) from error
    if not found.rows:
        raise _refused(path, 0, f"no row is under {', '.join(NORMS)}")
    return found


def _refused(path: Path, number: int, reason: str) -> InputError:
    where = f"row {number}: " if number else ""
    return InputError(
        f"{shown(path)} is not a usable file of reported rows: {where}{reason}; nothing was "
        "imported. docs/leaderboard.md has the columns"
    )


def _rows(path: Path, data: bytes) -> Iterable[object]:
    text = data.decode("utf-8-sig")
    match path.suffix.lower():
        case ".json":
            return _json(text)
        case ".tsv":
            return _tsv(text)
        case _:
            raise ValueError("its name ends neither in .tsv nor in .json")


def _known(row: object, found: ReportedFile) -> dict[str, object]:
    """The values of a row by the names of :data:`COLUMNS`."""
    if not isinstance(row, dict):
        raise TypeError("it does not have one value for each column")
    known: dict[str, object] = {}
    for name, value in row.items():
        column = ALIASES.get(name, name)
        if column in known:
            raise ValueError(f"the column {shown(column)} is given twice")
        if column in COLUMNS:
            known[column] = value
        elif label(name) not in found.unread:
            found.unread.append(label(name))
    return known


def _tsv(text: str) -> Iterator[object]:
    """Rows by the names in the first line; those with more or fewer fields as lists."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter="\t", strict=True)
    names = next(reader, [])
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        raise ValueError(f"the column {shown(twice[0])} is there twice")
    for fields in reader:
        yield dict(zip(names, fields, strict=True)) if len(fields) == len(names) else fields


def _json(text: str) -> list[object]:
    # Numbers stay texts, as published.
    rows = json.loads(text, parse_float=str, parse_int=str, parse_constant=str)
    if not isinstance(rows, list):
        raise TypeError("it is not a list of rows")
    return rows


def _row(given: Mapping[str, object], found: ReportedFile) -> ReportedRow | None:
    """A checked row; ``None`` if it is under a threat that is no norm."""
    values = {name: value for name, value in given.items() if value is not None}
    norm = values.get("norm")
    if isinstance(norm, str):
        values["norm"] = norm.casefold()
        if norm and values["norm"] not in NORMS:
            found.other_threats[label(norm)] += 1
            return None
    for name in ("extra_data", "unreliable"):
        value = values.get(name)
        if isinstance(value, str):
            if value.casefold() not in _BOOLEANS:
                raise ValueError(f"{name}: {shown(value)} is neither true nor false")
            values[name] = _BOOLEANS[value.casefold()]
    for name, value in values.items():
        if isinstance(value, str):
            values[name] = _BREAK.sub(" ", value)
    return ReportedRow.model_validate(
        {"source": found.source, "date": found.date, "licence": found.licence, **values}
    )


def _require_unique(rows: list[ReportedRow]) -> None:
    for key, count in Counter(row.key for row in rows).items():
        if count > 1:
            raise ValueError(f"there are {count} rows of {shown(' '.join(key[1:]))}")
