"""Migrations, and writers that die or meet."""

from __future__ import annotations

import multiprocessing
import sqlite3
import sys
import threading
import time
from contextlib import closing
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import text

from leaderboard.jobs.executors import processes
from leaderboard.store import Store, database
from leaderboard.store.schema import Base
from models_zoo import InputError

HERE = str(Path(__file__).parents[1])
FORKS: Any = multiprocessing.get_context("forkserver" if sys.platform == "linux" else "spawn")
FORKS.set_forkserver_preload([processes.__name__, "leaderboard.store"])
"""Writers are forked from one process that has imported PyTorch, and that holds no database."""

SETUP = """
import sys, time
sys.path.insert(0, here)
import conftest as made_up
from sqlalchemy import event
from sqlalchemy.orm import Session
from leaderboard.store import Store
from models_zoo import InputError
battery = made_up.MadeUpBattery()
provenance = made_up.make_provenance(battery)
"""

HALF_WAY = (
    SETUP
    + """
store = Store.open(database)
answers = made_up.make_results()
store.save(made_up.make_card(), provenance, battery, answers["clean"])

@event.listens_for(Session, moment)
def stop(session, *_):
    connection.send("half-way")
    time.sleep(600)

store.save(made_up.make_card(), provenance, battery, answers["input"])
"""
)

WRITER = (
    SETUP
    + """
connection.send("ready")
connection.recv()
store = Store.open(database)
for round in range(4):
    for result in made_up.make_results().values():
        store.save(made_up.make_card(), provenance, battery, result)
"""
)


@pytest.fixture
def start():
    """``start(script, database=database)``: a process that runs a script, with a connection."""
    started: list[BaseProcess] = []

    def begin(script: str, **values: object) -> tuple[BaseProcess, Connection]:
        ours, theirs = FORKS.Pipe()
        given = values | {"here": HERE, "connection": theirs}
        process = FORKS.Process(target=exec, args=(script, given), daemon=True)
        process.start()
        started.append(process)
        theirs.close()  # so that the pipe ends when the process does
        return process, ours

    yield begin
    for process in started:
        process.kill()
        process.join()


@pytest.mark.parametrize(
    ("moment", "kept"), [("before_commit", ["clean"]), ("after_commit", ["clean", "input"])]
)
def test_a_killed_writer_leaves_all_of_a_result_or_nothing(
    start, new_database, made_up, moment, kept
):
    database = new_database()
    writer, connection = start(HALF_WAY, database=database, moment=moment)
    assert connection.recv() == "half-way"
    writer.kill()
    writer.join()
    store = Store.open(database)
    (entry,) = store.entries()
    assert sorted(entry.results) == kept
    with store.engine.connect() as plain:
        if store.engine.dialect.name == "sqlite":
            assert plain.exec_driver_sql("pragma integrity_check").scalar() == "ok"
        orphans = text(
            "select count(*) from outcomes where result_id not in (select id from results)"
        )
        assert plain.scalar(orphans) == 0
    store.save(entry.card, entry.provenance, made_up.Battery(), made_up.results()["joint"])
    assert sorted(store.entries()[0].results) == sorted([*kept, "joint"])


def test_a_new_database_that_another_process_writes_to_is_waited_for(tmp_path):
    path = tmp_path / "scores.sqlite"
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        release = threading.Timer(0.3, other.execute, ["COMMIT"])
        release.start()
        assert Store.open(path).entries() == []
        release.join()


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_writers_that_meet_on_a_new_database_all_succeed(start, kind, request, tmp_path):
    if kind == "sqlite":
        let_meet(start, str(tmp_path / "scores.sqlite"))
    else:
        with request.getfixturevalue("postgresql").database() as url:  # without tables
            let_meet(start, url)


def let_meet(start, database: str) -> None:
    writers = [start(WRITER, database=database) for _ in range(4)]
    for _, connection in writers:
        assert connection.recv() == "ready"
    for _, connection in writers:
        connection.send("go")
    for writer, _ in writers:
        writer.join(60)
        assert writer.exitcode == 0
    store = Store.open(database)
    (entry,) = store.entries()
    assert len(entry.results) == 6
    with store.engine.connect() as plain:
        assert plain.scalar(text("select count(*) from results")) == 6
    store.engine.dispose()


def test_a_reader_sees_the_state_before_an_unfinished_save(start, tmp_path):
    path = tmp_path / "scores.sqlite"
    _, connection = start(HALF_WAY, database=path, moment="before_commit")
    assert connection.recv() == "half-way"
    with sqlite3.connect(path) as plain:
        assert plain.execute("select probe from results").fetchall() == [("clean",)]


def test_the_migrations_make_the_tables_of_the_schema(tmp_path):
    with Store.open(tmp_path / "scores.sqlite").engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        assert compare_metadata(context, Base.metadata) == []


def test_opening_an_up_to_date_database_is_quick(tmp_path):
    path = tmp_path / "scores.sqlite"
    Store.open(path).engine.dispose()
    started = time.process_time()
    Store.open(path)
    assert time.process_time() - started < 0.3


def test_sqlite_runs_in_wal_mode_with_foreign_keys(tmp_path):
    with Store.open(tmp_path / "scores.sqlite").engine.connect() as connection:
        for pragma, value in (("journal_mode", "wal"), ("foreign_keys", 1)):
            assert connection.exec_driver_sql(f"pragma {pragma}").scalar() == value


@pytest.mark.parametrize("state", ["removed", "replaced"])
def test_a_database_that_is_gone_is_not_written_to_in_silence(tmp_path, state):
    path = tmp_path / "scores.sqlite"
    store = Store.open(path)
    assert store.names() == {}
    for file in tmp_path.glob("scores.sqlite*"):
        file.unlink()
    if state == "replaced":
        Store.open(path).engine.dispose()
    with pytest.raises(InputError, match=f"was {state} while it was used"):
        store.write(lambda session: session.connection().commit())


def test_a_relative_path_is_that_of_the_folder_in_which_it_was_opened(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    store = Store.open("scores.sqlite")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    store.engine.dispose()
    assert store.names() == {}
    assert not [*Path().iterdir()]


def test_tables_that_another_process_makes_meanwhile_are_no_other_program_s(
    postgresql, monkeypatch
):
    with postgresql.database() as url:
        Store.open(url).engine.dispose()
        heads, asked = database._heads, []

        def none_at_first(connection):
            asked.append(connection)
            return heads(connection) if len(asked) > 1 else ()

        monkeypatch.setattr(database, "_heads", none_at_first)
        store = Store.open(url)
        assert (store.entries(), len(asked)) == ([], 2)
        store.engine.dispose()
