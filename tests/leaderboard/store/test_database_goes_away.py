"""Servers that restart, stop or are killed during a run, and disks that fill up: for real."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import event, text
from sqlalchemy.orm import Session

from leaderboard.cli import run
from leaderboard.jobs.owner import owner_of
from leaderboard.store import Store, writing
from leaderboard.store.failures import GoneError, UnavailableError
from leaderboard.store.job import NewJob
from leaderboard.store.jobs import Jobs
from leaderboard.store.schema import ResultRow
from tests.postgresql import Server, own_server

STOPS = {
    "restart": lambda server: (server.stop("fast"), server.start()),
    "kill -9": lambda server: (server.kill(), server.start()),
}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A server that tests may stop."""
    with own_server() as running:
        yield running


@pytest.fixture
def database(server) -> Iterator[str]:
    with server.database() as url:
        yield url
        if not server.runs:
            server.start()


@contextmanager
def once(target, moment: str, action) -> Iterator[None]:
    """Call a function once, at an event of SQLAlchemy."""
    left = [action]

    def happened(*_: object) -> None:
        if left:
            left.pop()()

    event.listen(target, moment, happened)
    try:
        yield
    finally:
        event.remove(target, moment, happened)
    assert not left, f"{moment} did not happen"


def counts(store: Store) -> list[int]:
    with store.engine.connect() as connection:
        return [
            connection.scalar(text(f"SELECT count(*) FROM {name}"))
            for name in ("models", "results")
        ]


def save(store: Store, made_up, *probes: str) -> None:
    battery = made_up.Battery()
    for probe in probes:
        result = made_up.results()[probe]
        store.save(made_up.card(), made_up.provenance(battery), battery, result)


def test_a_restart_between_two_transactions_goes_unnoticed(server, database, made_up, capfd):
    store = Store.open(database)
    save(store, made_up, "clean")
    STOPS["restart"](server)
    save(store, made_up, "input")
    STOPS["restart"](server)
    assert sorted(store.entries()[0].results) == ["clean", "input"]
    assert counts(store) == [1, 2]
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("how", STOPS)
def test_a_write_that_meets_a_restart_is_repeated(server, database, made_up, capfd, how):
    store = Store.open(database)
    with once(Session, "before_commit", lambda: STOPS[how](server)):
        save(store, made_up, "clean", "input")
    assert sorted(store.entries()[0].results) == ["clean", "input"]
    assert counts(store) == [1, 2]
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith("warning: database 'postgresql+psycopg://tester@127.0.0.1:")
    assert "is away (" in line
    assert line.endswith("); waiting up to 60 s for it")


def test_a_write_that_was_stored_before_its_server_was_lost_is_stored_once(
    server, database, made_up
):
    """The commit arrives, its confirmation does not."""
    store, jobs = Store.open(database), Jobs(Store.open(database).engine)
    jobs.add([NewJob("a", "job a", {}), NewJob("b", "job b", {})])
    lost = [None]

    def after_commit(session: Session) -> None:
        if lost:
            lost.pop()
            raise GoneError("lost")

    event.listen(Session, "after_commit", after_commit)
    try:
        save(store, made_up, "clean")
        lost.append(None)
        lease = jobs.claim("me")
    finally:
        event.remove(Session, "after_commit", after_commit)
    assert counts(store) == [1, 1]
    assert lease is not None
    assert (lease.key, lease.attempt) == ("a", 1)
    assert [status.state for status in jobs.statuses()] == ["running", "queued"]


def test_a_read_that_meets_a_restart_is_repeated(server, database, made_up):
    store = Store.open(database)
    save(store, made_up, "clean", "input")
    with once(store.engine, "before_cursor_execute", lambda: STOPS["restart"](server)):
        (entry,) = store.entries()
    assert sorted(entry.results) == ["clean", "input"]
    with once(store.engine, "before_cursor_execute", lambda: STOPS["kill -9"](server)):
        (summary,) = store.summaries([("clean", "accuracy")])
    assert set(summary.probes) == {"clean", "input"}


def test_a_command_ends_with_one_line_when_the_server_stays_away_and_resumes(
    server, database, monkeypatch, capfd, tmp_path
):
    monkeypatch.setattr(writing, "SECONDS_AWAY", 0.3)
    models = ["digits/mlp-standard", "digits/mlp-pgd-at"]
    options = ["--probe", "clean", "--probe", "checks", "--examples", "8", "--workers", "1"]
    command = ["bench", *models, *options, "--no-site", "--database", database]
    stored: list[None] = []

    def stop(*_: object) -> None:
        stored.append(None)
        if len(stored) == 2:
            server.stop("fast")

    event.listen(ResultRow, "after_insert", stop)
    try:
        assert run(command) == 2
    finally:
        event.remove(ResultRow, "after_insert", stop)
    errors = capfd.readouterr().err
    said = [line for line in errors.splitlines() if line.startswith(("error:", "warning:"))]
    kinds = [line.partition(":")[0] for line in said]
    assert (set(kinds[:-1]), kinds[-1]) == ({"warning"}, "error"), errors
    assert "run the same command again to resume" in said[-1]
    assert "Traceback" not in errors
    assert run(["export", models[0], "--database", database]) == 2
    assert "cannot use database" in capfd.readouterr().err
    server.start()
    store = Store.open(database)
    assert len(store.entries()[0].results) == 1
    Jobs(store.engine).release_owner(owner_of())  # as if the process of the command had ended
    assert run(command) == 0
    whole = Store.open(database).entries()
    assert [sorted(entry.results) for entry in whole] == 2 * [["checks", "clean"]]


@contextmanager
def small_disk(megabytes: int) -> Iterator[Path]:
    """A folder on a disk of this size."""
    folder = Path(tempfile.mkdtemp())
    options = ["-t", "tmpfs", "-o", f"size={megabytes}m,mode=777", "tmpfs", str(folder)]
    if subprocess.run(["mount", *options], capture_output=True).returncode:
        folder.rmdir()
        pytest.skip("no file systems can be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)
        folder.rmdir()


def fill(store: Store, made_up, first: int = 0, limit: int = 200) -> int:
    """Save results from a seed on until the disk is full; returns the first that was not saved."""
    battery, result = made_up.Battery(), made_up.results()["input"]
    result.protocol["bulk"] = os.urandom(60_000).hex()  # which PostgreSQL cannot compress
    numbers = iter(range(first, limit))

    def save_all() -> None:
        for seed in numbers:
            where = made_up.provenance(battery, seed=seed)
            store.save(made_up.card(), where, battery, result)

    with pytest.raises(UnavailableError, match="the disk is full; finished results are stored"):
        save_all()
    return limit - 1 - len(list(numbers))


def test_a_full_disk_of_a_file_ends_in_one_line_and_resumes_when_there_is_room(made_up):
    with small_disk(2) as disk:
        ballast = disk / "ballast"
        ballast.write_bytes(bytes(1 << 20))
        store = Store.open(disk / "scores.sqlite")
        saved = fill(store, made_up)
        assert saved > 0
        assert counts(store) == [1, saved]
        ballast.unlink()
        assert fill(store, made_up, saved) > saved + 2
        with store.engine.connect() as connection:
            assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
        store.engine.dispose()


def test_a_full_disk_of_a_server_ends_in_one_line_and_resumes_when_there_is_room(server, made_up):
    with small_disk(20) as disk:
        ballast, folder = disk / "ballast", disk / "tables"
        ballast.write_bytes(bytes(5 << 20))
        folder.mkdir()
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres")
        server.execute(f"CREATE TABLESPACE small LOCATION '{folder}'")
        server.execute("CREATE DATABASE small TEMPLATE template0 TABLESPACE small")
        store = Store.open(server.url("small"))
        saved = fill(store, made_up)
        assert saved > 0
        assert counts(store) == [1, saved]
        ballast.unlink()
        assert fill(store, made_up, saved) > saved + 2
        store.engine.dispose()
        server.execute("DROP DATABASE small WITH (FORCE)", "DROP TABLESPACE small")
