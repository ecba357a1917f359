"""Finding and leaving out stored results that cannot be read."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pydantic import ValidationError
from sqlalchemy import Engine, select
from sqlalchemy.exc import DBAPIError, NoResultFound
from sqlalchemy.orm import Session

from benchmark.results import Provenance
from leaderboard.store import encoding
from leaderboard.store.failures import UnavailableError, damaged
from leaderboard.store.reading import checked_result
from leaderboard.store.reruns import read_reruns
from leaderboard.store.rows import count_raised_flags, kind_columns
from leaderboard.store.schema import ModelRow, OutcomeRow, ResultRow, ScoreRow
from leaderboard.terminal.warnings import print_warning
from models_zoo.card import Card
from models_zoo.display import label, shown
from models_zoo.errors import reason_of

FAILURES = (
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    RecursionError,
    DBAPIError,
    NoResultFound,  # a row that is in an index but not in its table
)
"""Exceptions of reading rows that were changed after they were saved."""

_MAX_WARNINGS = 3


@dataclass(frozen=True)
class Unreadable:
    """A stored result that cannot be read.

    Attributes:
        number: of its row.
        model: the model's name, or its fingerprint where that cannot be read.
        probe: the probe's name.
        reason: what is wrong.
    """

    number: int
    model: str
    probe: str
    reason: str


def find_unreadable(engine: Engine) -> list[Unreadable]:
    """Read every stored result separately, and return those that cannot be read.

    Args:
        engine: the database.

    Raises:
        DamagedError: not even the list of results can be read.
    """
    with Session(engine) as session:
        numbers = list(session.scalars(select(ResultRow.id)))
        return list(_unreadable(session, numbers))


def _unreadable(session: Session, numbers: Sequence[int]) -> Iterator[Unreadable]:
    cards: dict[str, str] = {}
    for number in numbers:
        fingerprint, probe = "?", "?"
        try:
            key = select(ResultRow.fingerprint, ResultRow.probe).where(ResultRow.id == number)
            fingerprint, probe = map(str, session.execute(key).one())
            if fingerprint not in cards:
                cards[fingerprint] = _card_failure(session, fingerprint)
            reason = cards[fingerprint]
            if not reason:
                _read(session, number)
        except UnavailableError:
            raise  # the database is away, which does not make its rows unreadable
        except FAILURES as error:
            session.rollback()
            reason = _words(error)
        if reason:
            yield Unreadable(number, _name(session, fingerprint), probe, reason)


def _card_failure(session: Session, fingerprint: str) -> str:
    """Why a model's card cannot be read; empty if it can."""
    try:
        query = select(ModelRow.card).where(ModelRow.fingerprint == fingerprint)
        found = session.execute(query).one_or_none()
        if found is None:
            return "its model is missing"
        Card.model_validate(found.card)
    except UnavailableError:
        raise
    except FAILURES as error:
        session.rollback()
        return f"the model's card: {_words(error)}"
    return ""


def _read(session: Session, number: int) -> None:
    """Read one result completely.

    Raises:
        ValueError: or another of :data:`FAILURES`: it cannot be read.
    """
    own = ResultRow.id == number
    columns = (
        ResultRow.payload,
        ResultRow.provenance,
        ResultRow.battery_content,
        ResultRow.seed,
        ResultRow.raised_flags,
    )
    payload, where, battery, seed, raised_flags = session.execute(select(*columns).where(own)).one()
    if not isinstance(battery, dict) or not isinstance(battery.get("probes", {}), dict):
        raise TypeError("its battery is not a table")
    query = select(
        OutcomeRow.name,
        OutcomeRow.n,
        OutcomeRow.bits,
        OutcomeRow.position,
        OutcomeRow.role,
        OutcomeRow.threat,
    )
    rows = session.execute(query.where(OutcomeRow.result_id == number)).all()
    outcomes = {row.name: encoding.unpack(row.bits, row.n) for row in rows}
    provenance = Provenance.model_validate(where)
    result = checked_result(payload, outcomes, provenance)
    if {row.position for row in rows} != set(range(len(rows))):
        raise ValueError("its outcomes are not in order")
    for row in rows:
        kind = kind_columns(result.outcome_kinds.get(row.name))
        if (row.role, row.threat) != (kind["role"], kind["threat"]):
            raise ValueError("its threats are not those of its record")
    if raised_flags != count_raised_flags(result):
        raise ValueError("its raised flags are not those of its record")
    if seed != provenance.seed:
        raise ValueError("its seed is not that of its record")
    scores = select(ScoreRow.name, ScoreRow.n, ScoreRow.value)
    found = session.execute(scores.where(ScoreRow.result_id == number))
    recorded = {name: (score.n, _or_none(score.value)) for name, score in result.scores.items()}
    if {row.name: (row.n, _or_none(row.value)) for row in found} != recorded:
        raise ValueError("its scores are not those of its record")
    read_reruns(session, [own])


def _or_none(value: float | None) -> float | None:
    """The value for comparisons: ``None`` for NaN, which is stored as null."""
    return None if value is None or math.isnan(value) else value


def _name(session: Session, fingerprint: str) -> str:
    try:
        name = session.scalar(select(ModelRow.name).where(ModelRow.fingerprint == fingerprint))
    except UnavailableError:
        raise
    except FAILURES:
        session.rollback()
        name = None
    return str(name) if name else fingerprint


def _words(error: BaseException) -> str:
    """A short reason; for an error of pydantic, the field comes first."""
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        return label(f"{place}: {first['msg']}" if place else first["msg"])
    if isinstance(error, DBAPIError) and error.orig is not None:
        error = error.orig
    return reason_of(error)


def require_whole(engine: Engine, error: BaseException) -> None:
    """Run the database's own integrity check if reading fails although every row can be read.

    Args:
        engine: the database.
        error: the error of reading.

    Raises:
        DamagedError: it is.
    """
    if engine.url.get_backend_name() != "sqlite":
        return
    with engine.connect() as connection:
        found = str(connection.exec_driver_sql("PRAGMA integrity_check(1)").scalar())
    if found != "ok":
        raise damaged(engine.url.database or ":memory:", reason_of(ValueError(found))) from error


def print_damage(database: str, found: Sequence[Unreadable]) -> None:
    """Print the results that are left out on stderr, one line each.

    Args:
        database: the database as messages name it.
        found: the results.
    """
    for each in found[:_MAX_WARNINGS]:
        print_warning(
            f"database {shown(database)}: what probe {shown(each.probe)} found of model "
            f"{shown(each.model)} cannot be read and is left out: {each.reason}"
        )
    unnamed = len(found) - _MAX_WARNINGS
    more = f" ({unnamed} more than are named here)" if unnamed > 0 else ""
    print_warning(
        f"database {shown(database)} is damaged: {len(found)} results are left out{more}; see "
        "where with PRAGMA integrity_check, and compute them again with nonsingular bench"
    )
