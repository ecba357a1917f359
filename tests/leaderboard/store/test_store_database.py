"""Migrations, and writers that die or meet."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from leaderboard.store import Store
from leaderboard.store.schema import Base

HERE = str(Path(__file__).parents[1])

SETUP = """
import sys, time
sys.path.insert(0, {here!r})
import conftest as made_up
from sqlalchemy import event
from sqlalchemy.orm import Session
from leaderboard.store import Store
battery = made_up.MadeUpBattery()
provenance = made_up.make_provenance(battery)
"""

HALF_WAY = (
    SETUP
    + """
store = Store.open({path!r})
answers = made_up.make_results()
store.save(made_up.make_card(), provenance, battery, answers["clean"])

@event.listens_for(Session, {moment!r})
def stop(session, *_):
    print("half-way", flush=True)
    time.sleep(600)

store.save(made_up.make_card(), provenance, battery, answers["input"])
"""
)

WRITER = (
    SETUP
    + """
print("ready", flush=True)
sys.stdin.readline()
store = Store.open({path!r})
for round in range(4):
    for result in made_up.make_results().values():
        store.save(made_up.make_card(), provenance, battery, result)
"""
)


def start(script, path, **values) -> subprocess.Popen[str]:
    code = script.format(here=HERE, path=str(path), **values)
    return subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize(
    ("moment", "kept"), [("before_commit", ["clean"]), ("after_commit", ["clean", "input"])]
)
def test_a_killed_writer_leaves_all_of_a_result_or_nothing(tmp_path, moment, kept):
    path = tmp_path / "scores.sqlite"
    writer = start(HALF_WAY, path, moment=moment)
    assert writer.stdout is not None
    assert writer.stdout.readline() == "half-way\n", writer.communicate()[1]
    writer.kill()
    writer.communicate()
    (entry,) = Store.open(path).entries()
    assert sorted(entry.results) == kept
    with sqlite3.connect(path) as plain:
        assert plain.execute("pragma integrity_check").fetchone() == ("ok",)
        orphans = plain.execute(
            "select count(*) from outcomes where result_id not in (select id from results)"
        )
        assert orphans.fetchone() == (0,)


def test_writers_that_meet_on_a_new_database_all_succeed(tmp_path):
    path = tmp_path / "scores.sqlite"
    writers = [start(WRITER, path) for _ in range(3)]
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("go\n")
        writer.stdin.flush()
    for writer in writers:
        _, errors = writer.communicate(timeout=60)
        assert writer.returncode == 0, errors
    (entry,) = Store.open(path).entries()
    assert len(entry.results) == 6


def test_a_reader_sees_the_state_before_an_unfinished_save(tmp_path):
    path = tmp_path / "scores.sqlite"
    writer = start(HALF_WAY, path, moment="before_commit")
    assert writer.stdout is not None
    assert writer.stdout.readline() == "half-way\n", writer.communicate()[1]
    try:
        with sqlite3.connect(path) as plain:
            assert plain.execute("select probe from results").fetchall() == [("clean",)]
    finally:
        writer.kill()
        writer.communicate()


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
