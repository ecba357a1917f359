"""Opening a database: its URL, its settings and its migrations."""

from __future__ import annotations

import time
from functools import cache
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
    false,
    inspect,
    make_url,
)
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.pool import StaticPool

from leaderboard.store import encoding, postgresql
from leaderboard.store.addresses import without_password
from leaderboard.store.failures import DamagedError, GoneError, damaged, explain, failure
from leaderboard.store.schema import Base, ModelRow
from leaderboard.store.sqlite import (
    WRITES,
    configure,
    is_in_memory,
    left_beside,
    read_only_url,
    require_sqlite_file,
)
from leaderboard.terminal.warnings import print_warning
from models_zoo.display import shown
from models_zoo.errors import InputError, reason_of

_MAX_CHECKED_BYTES = 256 << 20
"""Maximum size of a database that is checked completely before it is written to."""

_READ_ATTEMPTS = 3
"""Number of attempts to read a file that seems unusable."""


_DRIVER = "install one: pip install 'nonsingular[postgresql]' has that of postgresql+psycopg://user@host/name"


def open_engine(database: str | Path, *, to_read: bool = False) -> Engine:
    """Connect to a database and bring its tables to this version.

    Args:
        database: an SQLAlchemy URL, or the path of an SQLite file.
        to_read: only read from it: a missing file is an error, a read-only one is not.
            Otherwise a missing file is created and a read-only one refused at once.

    Raises:
        InputError: it cannot be opened, written or read; its file is unchanged.
    """
    url = _parse(database)
    on_disk = url.get_backend_name() == "sqlite" and not is_in_memory(url)
    name = str(url.database) if on_disk else without_password(url)
    try:
        if on_disk and not url.query:
            require_sqlite_file(Path(name), to_read=to_read)
            up_to_date = _look(name, to_read=to_read)
            if to_read and up_to_date:
                return _open_to_read(url, name)
        return _open(url, name, to_read=to_read)
    except (NoSuchModuleError, ModuleNotFoundError) as error:
        raise InputError(
            f"database {shown(name)}: no driver for it ({error}); {_DRIVER}"
        ) from error
    except DBAPIError as error:
        raise _unusable(url, name, error) from error


def _unusable(url: URL, name: str, error: DBAPIError) -> InputError:
    hint = (
        "name a file in a folder you can write with --database"
        if url.get_backend_name() == "sqlite"
        else "see that its server runs and lets this user create tables"
    )
    message = f"cannot use database {shown(name)}: {reason_of(error.orig or error)}; {hint}"
    return InputError(message) if url.get_backend_name() == "sqlite" else GoneError(message)


def _open(url: URL, name: str, *, to_read: bool) -> Engine:
    engine = _create(url, to_read=to_read)
    with engine.execution_options(**{WRITES: True}).begin() as connection:
        _migrate(connection, name)
        if not to_read:
            # Changes nothing, but fails now rather than after hours of attacks.
            connection.execute(delete(ModelRow).where(false()))
    explain(engine, name)
    return engine


def _open_to_read(url: URL, name: str) -> Engine:
    """Open a database for reading, even if SQLite cannot write its lock files."""
    attempts = [url, read_only_url(name, unchanging=False), read_only_url(name, unchanging=True)]
    for place, each in enumerate(attempts):
        engine = _create(each, to_read=True)
        try:
            with engine.begin() as connection:
                _heads(connection)
        except DBAPIError as error:
            engine.dispose()
            if (found := failure(error, name)) and isinstance(found, DamagedError):
                raise found from error
            if place == len(attempts) - 1:
                raise
            continue
        explain(engine, name)
        if place == len(attempts) - 1 and left_beside(name):
            print_warning(
                f"database {shown(name)} cannot be written, so what was stored last, in the file "
                "next to it that ends in -wal, is not read; copy both to a folder you can write"
            )
        return engine
    raise AssertionError("no attempt was made")


def _look(name: str, *, to_read: bool) -> bool:
    """Whether an SQLite file is a database of this version; nothing is changed.

    One that will be written to is checked completely, unless it is very large.

    Raises:
        InputError: it is of a newer version, of another program, or damaged.
    """
    path = Path(name)
    if not path.exists() or not path.stat().st_size:
        return False
    for attempt in range(_READ_ATTEMPTS):
        try:
            return _seen(name, whole=not to_read and path.stat().st_size <= _MAX_CHECKED_BYTES)
        except (InputError, DBAPIError) as error:
            # Another process may be creating the database while we read it without locks.
            if attempt == _READ_ATTEMPTS - 1:
                if isinstance(error, InputError):
                    raise
                raise failure(error, name) or error from error
        time.sleep(0.05)
    return False


def _seen(name: str, *, whole: bool) -> bool:
    attempts = [read_only_url(name)]
    if left_beside(name):  # in a read-only folder they cannot be read
        attempts.append(read_only_url(name, unchanging=True))
    for place, url in enumerate(attempts):
        engine = _create(url, to_read=True)
        try:
            with engine.begin() as connection:
                up_to_date = _up_to_date(connection, name)
                if whole:
                    found = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar()
                    if found != "ok":
                        raise damaged(name, reason_of(ValueError(found)))
                return up_to_date
        except DBAPIError:
            if place == len(attempts) - 1:
                raise
        finally:
            engine.dispose()
    return False


def _parse(database: str | Path) -> URL:
    text = str(database)
    if text == ":memory:":
        return URL.create("sqlite")
    if isinstance(database, Path) or "://" not in text:
        if not text.strip() or text == ".":
            raise InputError(f"database {shown(text)} is not a file name; name one with --database")
        return URL.create("sqlite", database=text)
    try:
        return make_url(text)
    except (ArgumentError, ValueError):
        hint = "write sqlite:///file.sqlite or postgresql+psycopg://user@host/name"
        name = shown(without_password(text))
        # Not from the error, whose text may have the password.
        raise InputError(f"database {name} is not a database URL; {hint}") from None


def _create(url: URL, *, to_read: bool) -> Engine:
    options: dict[str, Any] = {
        "json_serializer": encoding.dumps,
        "json_deserializer": encoding.loads,
    }
    if url.get_backend_name() != "sqlite":
        return create_engine(url, **options, **postgresql.options(url))
    if is_in_memory(url):
        options["poolclass"] = StaticPool  # a second connection would see another, empty database
    elif not url.query:  # connections are opened later as well, perhaps from another folder
        url = url.set(database=str(Path(str(url.database)).absolute()))
    engine = create_engine(url, **options)
    configure(engine, to_read=to_read)
    return engine


def _migrate(connection: Connection, name: str) -> None:
    try:
        if _up_to_date(connection, name):
            return
    except InputError:
        # On PostgreSQL another process may have made the tables between two of its questions.
        if connection.dialect.name != "postgresql":
            raise
    postgresql.take_turn(connection, "migrations")
    if not _up_to_date(connection, name):  # another process may have done it meanwhile
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _up_to_date(connection: Connection, name: str) -> bool:
    """Whether the tables are those of this version.

    Raises:
        InputError: they are of a newer version or of another program, or some are missing.
    """
    try:
        current = _heads(connection)
    except UnicodeDecodeError as error:  # of a text, or of SQLite's message about one
        raise damaged(name, reason_of(error)) from error
    known, newest = _revisions()
    if not known.issuperset(current):
        raise InputError(
            f"database {shown(name)} was made by a newer version of nonsingular (its schema is "
            f"{shown(', '.join(current))}); update nonsingular or name another with --database"
        )
    tables = set(inspect(connection).get_table_names())
    if not current and tables:
        raise InputError(
            f"database {shown(name)} belongs to another program (it has a table "
            f"{shown(min(tables))}); name another with --database"
        )
    if current != newest:
        return False
    if missing := Base.metadata.tables.keys() - tables:
        raise damaged(name, f"it lacks the table {shown(min(missing))}")
    for table, columns in inspect(connection).get_multi_columns().items():
        known_table = Base.metadata.tables.get(table[1])
        lacking = set(known_table.columns.keys() if known_table is not None else ())
        if lacking := lacking - {column["name"] for column in columns}:
            raise damaged(name, f"its table {shown(table[1])} lacks {shown(min(lacking))}")
    return True


@cache
def _revisions() -> tuple[frozenset[str], tuple[str, ...]]:
    """All revisions of the schema, and the newest: alembic imports them anew for every question."""
    script = ScriptDirectory.from_config(_config())
    known = frozenset(revision.revision for revision in script.walk_revisions())
    return known, tuple(script.get_heads())


def _heads(connection: Connection) -> tuple[str, ...]:
    return MigrationContext.configure(connection).get_current_heads()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config
