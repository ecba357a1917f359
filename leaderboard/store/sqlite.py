"""SQLite only: checks of files before they are opened, settings, read-only use."""

from __future__ import annotations

import os
import sqlite3
import time
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, event

from leaderboard.store.failures import GoneError
from models_zoo.display import shown
from models_zoo.errors import InputError

WRITES = "nonsingular_writes"
"""Execution option of a connection whose transactions take the write lock at their start."""

_BUSY_TIMEOUT_MS = 60_000

_BUSY_PAUSE = 0.02
"""Seconds between two attempts where SQLite does not wait by itself."""

_MAGIC = b"SQLite format 3\0"

_OTHER = "name another with --database"


def is_in_memory(url: URL) -> bool:
    """Whether a database is in the memory of this process, so that no other can reach it."""
    return url.get_backend_name() == "sqlite" and url.database in (None, "", ":memory:")


def require_sqlite_file(path: Path, *, to_read: bool) -> None:
    """Check that a file is an SQLite database, before SQLite opens and perhaps changes it.

    Args:
        path: the file; missing or empty ones become databases unless they are only to be read.
        to_read: whether it is only read from.

    Raises:
        InputError: it is missing, a folder, cannot be read, or has another format.
    """
    if "\0" in str(path):
        raise InputError(f"database {shown(str(path))} has a character that no path may; {_OTHER}")
    try:
        if not path.exists():
            if not to_read:
                return
            raise InputError(
                f"database {shown(str(path))} does not exist; run nonsingular bench first, or "
                "name another with --database"
            )
        if path.is_dir():
            raise InputError(
                f"database {shown(str(path))} is a folder; name a file with --database"
            )
        if not path.is_file():
            raise InputError(f"database {shown(str(path))} is not a file; {_OTHER}")
        with path.open("rb") as file:
            start = file.read(len(_MAGIC))
    except OSError as error:
        raise InputError(
            f"cannot read database {shown(str(path))}: {error.strerror}; {_OTHER}"
        ) from error
    if not start and to_read:
        raise InputError(
            f"database {shown(str(path))} is empty; run nonsingular bench first, or {_OTHER}"
        )
    if start and start != _MAGIC:
        raise InputError(
            f"{shown(str(path))} is not an SQLite database: its first bytes are "
            f"{shown(start)}; {_OTHER}"
        )


def read_only_url(path: str, *, unchanging: bool | None = None) -> URL:
    """URL of a database that cannot be written, or that must not be changed.

    Args:
        path: the database's file.
        unchanging: tell SQLite that the file does not change, so that it needs no further files; by
            default if no other process has left changes in them.
    """
    if unchanging is None:
        unchanging = not left_beside(path)
    name = quote(os.fsencode(Path(path).absolute()))
    query = {"mode": "ro", "uri": "true"} | ({"immutable": "1"} if unchanging else {})
    return URL.create("sqlite", database=f"file:{name}", query=query)


def left_beside(path: str) -> bool:
    """Whether there are changes in the -wal file that are not in the database yet."""
    return any(_size(Path(f"{path}{ending}")) > 0 for ending in ("-wal", "-journal"))


def _size(file: Path) -> int:
    """In bytes; 0 if it is missing, such as when its last writer has just removed it."""
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0


def configure(engine: Engine, *, to_read: bool) -> None:
    """Configure every connection to SQLite.

    Args:
        engine: of an SQLite database.
        to_read: whether it is only read; its journal mode is not changed then.
    """
    opened: list[tuple[int, int]] = []

    def connected(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # transactions begin in _begin, DDL included
        connection.execute(f"PRAGMA busy_timeout = {_BUSY_TIMEOUT_MS}")
        connection.execute("PRAGMA foreign_keys = ON")
        if not to_read:
            _write_ahead(connection)
            connection.execute("PRAGMA synchronous = NORMAL")

    def begin(connection: Connection) -> None:
        _require_same_file(engine, opened)
        _begin(connection)

    event.listen(engine, "connect", connected)
    event.listen(engine, "begin", begin)


def _require_same_file(engine: Engine, opened: list[tuple[int, int]]) -> None:
    """Check that the file is the one that was opened.

    The system keeps a removed file for as long as it is open: everything would be written into it
    and be gone at the end, without an error.

    Args:
        engine: of an SQLite database.
        opened: device and number of the file; filled with the first transaction.

    Raises:
        GoneError: the file was removed or replaced.
    """
    path = engine.url.database
    if path is None or is_in_memory(engine.url) or engine.url.query:
        return
    try:
        status = Path(path).stat()
        found = [(status.st_dev, status.st_ino)]
    except OSError:
        found = []
    if not opened:
        opened += found
    elif found != opened:
        state = "replaced" if found else "removed"
        raise GoneError(
            f"database {shown(path)} was {state} while it was used, so no result can be stored in "
            "it: put it back, or run the same command again for a new one"
        )


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Use a write-ahead log, as soon as no other process writes.

    Unlike every other statement, the first change to it fails at once where another process has a
    lock, whatever the busy timeout.
    """
    end = time.monotonic() + _BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                raise
            time.sleep(_BUSY_PAUSE)
        else:
            return


def _begin(connection: Connection) -> None:
    # A transaction that turns from reading to writing fails at once when another has written in
    # between, whatever the busy timeout; one that starts as a writer waits for its turn.
    writes = connection.get_execution_options().get(WRITES)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
