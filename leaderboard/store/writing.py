"""Transactions: tried again where another one was met, or while a server restarts."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from leaderboard.store.addresses import without_password
from leaderboard.store.failures import GoneError
from leaderboard.store.postgresql import is_conflict
from leaderboard.store.sqlite import WRITES
from leaderboard.terminal.warnings import print_warning
from models_zoo.display import shown
from models_zoo.errors import reason_of

SECONDS_AWAY = 60.0
"""How long a server may be away, as long as a writer waits for its turn on SQLite. PostgreSQL 15
was back within 0.6 s of a restart and 2.1 s of ``kill -9`` on a machine with two busy cores."""

_PAUSE = 0.5
"""Seconds between two attempts to reach a server."""

T = TypeVar("T")

_CONFLICTS = 20
"""Number of attempts where another transaction was met. One has stored what it wrote then, so that
as many processes may store the same result at once."""


def write(engine: Engine, action: Callable[[Session], T]) -> T:
    """Call a function in one transaction: all that it writes is stored, or nothing of it.

    It is called again if the transaction met another one, and if a server was lost, even if the
    server may have stored everything just before: it has to write the same rows again then.

    Args:
        engine: the database.
        action: function of the session.

    Returns:
        What the function returned.

    Raises:
        InputError: the database cannot be written.
    """
    return _patiently(engine.execution_options(**{WRITES: True}), action)


def read(engine: Engine, action: Callable[[Session], T]) -> T:
    """Call a function that only reads, again while a server is away.

    Args:
        engine: the database.
        action: function of the session.

    Returns:
        What the function returned.

    Raises:
        InputError: the database cannot be read.
    """
    return _patiently(engine, action)


def _patiently(engine: Engine, action: Callable[[Session], T]) -> T:
    met = 0

    def once() -> T:
        with Session(engine) as session, session.begin():
            return action(session)

    while True:
        try:
            return while_away(engine, once)
        except DBAPIError as error:
            met += 1
            if met == _CONFLICTS or not is_conflict(error):
                raise


def while_away(engine: Engine, call: Callable[[], T]) -> T:
    """Call a function, again while a server is away; a file that is gone does not come back.

    Args:
        engine: the database.
        call: what uses it.

    Raises:
        GoneError: the database was away for longer than :data:`SECONDS_AWAY`.
    """
    if engine.dialect.name == "sqlite":
        return call()

    def warn(error: GoneError) -> None:
        name, reason = without_password(engine.url), reason_of(error.__cause__ or error)
        print_warning(
            f"database {shown(name)} is away ({reason}); waiting up to {SECONDS_AWAY:g} s for it"
        )

    return until_back(call, warn)


def until_back(call: Callable[[], T], first: Callable[[GoneError], None] | None = None) -> T:
    """Call a function, again while the server that it uses is away.

    Args:
        call: what uses it.
        first: called with the first failure.

    Raises:
        GoneError: the server was away for longer than :data:`SECONDS_AWAY`.
    """
    end: float | None = None
    while True:
        try:
            return call()
        except GoneError as error:
            if end is None:
                end = time.monotonic() + SECONDS_AWAY
                if first is not None:
                    first(error)
            if time.monotonic() > end:
                raise
            time.sleep(_PAUSE)
