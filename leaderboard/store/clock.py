"""The database's own clock: those of several machines differ."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Float
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement


class now(FunctionElement[float]):  # noqa: N801 - written like an SQL function
    """Seconds since 1970, by the clock of the database."""

    type = Float()
    inherit_cache = True


class server_start(FunctionElement[float]):  # noqa: N801 - written like an SQL function
    """When the server of the database was started, in the same seconds; a file has always been."""

    type = Float()
    inherit_cache = True


@compiles(server_start)
def _postgresql_start(element: server_start, compiler: Any, **options: Any) -> str:
    return "CAST(EXTRACT(EPOCH FROM pg_postmaster_start_time()) AS DOUBLE PRECISION)"


@compiles(server_start, "sqlite")
def _sqlite_start(element: server_start, compiler: Any, **options: Any) -> str:
    return "0.0"


@compiles(now)
def _postgresql(element: now, compiler: Any, **options: Any) -> str:
    # Not now(), which is the start of the transaction: one may have waited for a lock.
    return "CAST(EXTRACT(EPOCH FROM clock_timestamp()) AS DOUBLE PRECISION)"


@compiles(now, "sqlite")
def _sqlite(element: now, compiler: Any, **options: Any) -> str:
    # unixepoch() has whole seconds only before SQLite 3.42.
    return "((julianday('now') - 2440587.5) * 86400.0)"
