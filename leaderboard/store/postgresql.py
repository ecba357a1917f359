"""PostgreSQL only: settings of its connections, turns of writers, and the meaning of its errors.

Errors are told by their SQLSTATE where the server has sent one, since servers translate messages.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from sqlalchemy import URL, Connection, func, select
from sqlalchemy.exc import DBAPIError

_SECONDS_TO_CONNECT = 10
"""A server that is switched off does not refuse connections; the system waits two minutes."""

_SECONDS_TO_ANSWER = 60
"""How long data may be unacknowledged, as long as a writer waits for its turn on SQLite. Without a
limit, a process whose server has lost its power waits for a quarter of an hour."""

_DRIVERS = ("psycopg", "psycopg2")

_NAMESPACE = 0x6E6F6E73
"""First half of the keys of advisory locks: the letters ``nons``, so that others are unlikely."""

_GONE = ("08", "57P", "53300", "57014", "55P03", "25006")
"""Connection lost or server shutting down, starting, full of connections, timed out, read-only."""

_FULL = "53100"
_CONFLICTS = ("23505", "40001", "40P01")
"""Another transaction has stored the same key, or both have waited for each other."""


def options(url: URL) -> dict[str, Any]:
    """Arguments of ``create_engine`` for a server.

    A connection is tried before each transaction and replaced if it was lost, so that a restart of
    the server between two transactions ends no run.

    Args:
        url: of the database; what it sets itself is not changed.
    """
    given: dict[str, Any] = {"pool_pre_ping": True}
    if url.get_backend_name() == "postgresql" and url.get_driver_name() in _DRIVERS:
        settings = {
            "connect_timeout": _SECONDS_TO_CONNECT,
            "tcp_user_timeout": 1000 * _SECONDS_TO_ANSWER,
        }
        given["connect_args"] = {
            name: value for name, value in settings.items() if name not in url.query
        }
    return given


def take_turn(connection: Connection, name: str) -> None:
    """Wait until no other transaction has the turn of this name; it is passed on at the end.

    Other databases than PostgreSQL are left alone: SQLite has one writer at a time anyway.

    Args:
        connection: in a transaction.
        name: what it is for.
    """
    if connection.dialect.name == "postgresql":
        key = int.from_bytes(sha256(name.encode()).digest()[:4], "big", signed=True)
        connection.execute(select(func.pg_advisory_xact_lock(_NAMESPACE, key)))


def sqlstate(error: BaseException) -> str:
    """The server's code for an error; empty if it has sent none."""
    original = error.orig if isinstance(error, DBAPIError) else error
    found = getattr(original, "sqlstate", None) or getattr(original, "pgcode", None)
    return found if isinstance(found, str) else ""


def is_gone(error: BaseException) -> bool:
    """Whether the server cannot be used now, but perhaps later."""
    return sqlstate(error).startswith(_GONE)


def is_full(error: BaseException) -> bool:
    """Whether the server's disk is full."""
    return sqlstate(error) == _FULL


def is_conflict(error: BaseException) -> bool:
    """Whether the transaction met another one and may succeed when it is tried again."""
    return sqlstate(error) in _CONFLICTS
