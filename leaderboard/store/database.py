"""Opening a database: its URL, its settings and its migrations."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import (
    URL,
    Connection,
    Engine,
    create_engine,
    delete,
    event,
    false,
    inspect,
    make_url,
)
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.pool import StaticPool

from leaderboard.store import encoding
from leaderboard.store.schema import ModelRow
from models_zoo.errors import InputError

WRITES = "nonsingular_writes"
"""Execution option of a connection whose transactions take the write lock at their start."""

_DRIVER = "install one: pip install 'nonsingular[postgresql]' has that of postgresql+psycopg://user@host/name"

_BUSY_TIMEOUT_MS = 60_000


def open_engine(database: str | Path, *, to_read: bool = False) -> Engine:
    """Connect to a database and bring its tables to this version.

    Args:
        database: an SQLAlchemy URL, or the path of an SQLite file.
        to_read: only read from it: a missing file is an error, a read-only one is not.
            Otherwise a missing file is created and a read-only one refused at once.

    Raises:
        InputError: it cannot be opened, written or understood.
    """
    url = _parse(database)
    on_disk = url.get_backend_name() == "sqlite" and url.database not in (None, "", ":memory:")
    shown = str(url.database if on_disk else url)
    if to_read and on_disk and not url.query and not Path(shown).exists():
        raise InputError(
            f"database {shown!r} does not exist; run nonsingular bench first, or name another "
            "with --database"
        )
    try:
        engine = _create(url)
        with engine.execution_options(**{WRITES: True}).begin() as connection:
            _migrate(connection, shown)
            if not to_read:
                # Touches nothing, but fails here and not after hours of attacks.
                connection.execute(delete(ModelRow).where(false()))
    except (NoSuchModuleError, ModuleNotFoundError) as error:
        raise InputError(f"database {shown!r}: no driver for it ({error}); {_DRIVER}") from error
    except DBAPIError as error:
        reason = " ".join(str(error.orig).split())
        hint = (
            "name a file in a folder you can write with --database"
            if url.get_backend_name() == "sqlite"
            else "see that its server runs and lets this user create tables"
        )
        raise InputError(f"cannot use database {shown!r}: {reason}; {hint}") from error
    return engine


def _parse(database: str | Path) -> URL:
    text = str(database)
    if text == ":memory:":
        return URL.create("sqlite")
    if isinstance(database, Path) or "://" not in text:
        if not text.strip() or text == ".":
            raise InputError(f"database {text!r} is not a file name; name one with --database")
        return URL.create("sqlite", database=text)
    try:
        return make_url(text)
    except (ArgumentError, ValueError) as error:
        hint = "write sqlite:///file.sqlite or postgresql+psycopg://user@host/name"
        raise InputError(f"database {text!r} is not a database URL; {hint}") from error


def _create(url: URL) -> Engine:
    options: dict[str, Any] = {
        "json_serializer": encoding.dumps,
        "json_deserializer": encoding.loads,
    }
    if url.get_backend_name() != "sqlite":
        return create_engine(url, **options)
    if url.database in (None, "", ":memory:"):
        options["poolclass"] = StaticPool  # a second connection would see another, empty database
    engine = create_engine(url, **options)
    event.listen(engine, "connect", _configure_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _configure_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # transactions begin in _begin_sqlite, DDL included
    for pragma in (
        f"busy_timeout = {_BUSY_TIMEOUT_MS}",
        "journal_mode = WAL",
        "synchronous = NORMAL",
        "foreign_keys = ON",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that turns from reading to writing fails at once when another has written in
    # between, whatever the busy timeout; one that starts as a writer waits for its turn.
    writes = connection.get_execution_options().get(WRITES)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _migrate(connection: Connection, shown: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    script = ScriptDirectory.from_config(config)
    current = MigrationContext.configure(connection).get_current_heads()
    if current == tuple(script.get_heads()):
        return
    known = {revision.revision for revision in script.walk_revisions()}
    if not known.issuperset(current):
        raise InputError(
            f"database {shown!r} was made by a newer version of nonsingular (its schema is "
            f"{', '.join(current)}); update nonsingular or name another with --database"
        )
    if not current and (tables := inspect(connection).get_table_names()):
        raise InputError(
            f"database {shown!r} belongs to something else (it holds a table {tables[0]!r}); "
            "name another with --database"
        )
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
