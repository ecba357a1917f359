"""Errors of a database that is damaged, full or unreachable, as one line that says what to do."""

from __future__ import annotations

import re

from sqlalchemy import Engine, event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DBAPIError

from leaderboard.store import postgresql
from models_zoo.display import shown
from models_zoo.errors import InputError, reason_of

_DAMAGED = re.compile(
    r"malformed|not a database|file is encrypted|no such (table|column|index|view)|corrupt"
    r"|unsupported file format|invalid rootpage|could not decode to UTF-8",
    re.IGNORECASE,
)
_FULL = re.compile(r"database or disk is full|no space left|disk quota", re.IGNORECASE)
_HELD = re.compile(r"locked|busy", re.IGNORECASE)
_GONE = re.compile(
    r"disk I/O error|readonly|read-only|unable to open|server closed|connection"
    r"|terminat|shutting down|starting up",
    re.IGNORECASE,
)


class DamagedError(InputError):
    """A database reports damage, or its content cannot be read."""


class UnavailableError(InputError):
    """A database cannot be written at the moment: it is locked, full, or its server is away."""


class GoneError(UnavailableError):
    """A database was reached before, and cannot be reached any more."""


def explain(engine: Engine, database: str) -> None:
    """Make the engine raise :class:`InputError` for failures of the database itself.

    Args:
        engine: the engine.
        database: the database as messages name it.
    """

    def failed(context: ExceptionContext) -> None:
        if context.is_pre_ping:  # the pool replaces the connection
            return
        error = context.original_exception
        found = failure(error, database)
        if found is None and context.is_disconnect:
            found = _gone(database, reason_of(error))
        if found is not None:
            raise found from error

    event.listen(engine, "handle_error", failed)


def failure(error: BaseException, database: str) -> InputError | None:
    """The message for a user; ``None`` for other failures.

    Args:
        error: the exception of the driver or of SQLAlchemy.
        database: the database as messages name it.
    """
    text = str(error.orig) if isinstance(error, DBAPIError) else str(error)
    name, reason = (
        shown(database),
        reason_of(error.orig if isinstance(error, DBAPIError) and error.orig else error),
    )
    if postgresql.is_conflict(error):
        return None  # the transaction is tried again
    if postgresql.is_full(error) or _FULL.search(text):
        return UnavailableError(
            f"cannot write database {name}: the disk is full; finished results are stored: make "
            "room and run the same command again to resume"
        )
    if _DAMAGED.search(text):
        return damaged(database, reason)
    if _HELD.search(text):
        return UnavailableError(
            f"database {name} is locked by another process ({reason}); run the same command again "
            "to resume when that has ended"
        )
    if postgresql.is_gone(error) or _GONE.search(text):
        return _gone(database, reason)
    return None


def _gone(database: str, reason: str) -> GoneError:
    return GoneError(
        f"cannot use database {shown(database)} any more: {reason}; finished results are stored: "
        "run the same command again to resume"
    )


def damaged(database: str, reason: str) -> DamagedError:
    """The error for a damaged database.

    Args:
        database: the database as messages name it.
        reason: what was wrong.
    """
    return DamagedError(
        f"database {shown(database)} is damaged ({reason}): see where with PRAGMA integrity_check, "
        "save what is readable with nonsingular export or with sqlite3's .recover, and name "
        "another with --database"
    )
