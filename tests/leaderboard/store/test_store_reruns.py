"""Reruns stand beside their result, go with it, and an older database gains their table."""

import math
import sqlite3
from dataclasses import replace

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, event

from leaderboard.store import Rerun, Store, database
from models_zoo.errors import InputError

RERUN = Rerun(
    by="Ada",
    created="2026-02-03T04:05:06+00:00",
    same=False,
    largest_difference=1 / 3,
    differing=2,
    outcomes=200,
    device="cuda",
    threads=4,
    versions={"torch": "2.9.0"},
    circumstances=["torch 2.9.0 in place of 2.6.0"],
    imported=True,
    note="on a laptop",
)


@pytest.fixture
def saved(store, made_up, battery):
    """A store with two answers of one model, and their provenance."""
    where = made_up.provenance(battery)
    for probe in ("clean", "input"):
        store.save(made_up.card(), where, battery, made_up.results()[probe])
    return store, where


def test_a_rerun_comes_back_with_its_own_result_only(saved):
    store, where = saved
    store.record_rerun(where, "clean", RERUN)
    (entry,) = store.entries()
    assert entry.reruns == {"clean": [RERUN]}
    (summary,) = store.summaries([("clean", "accuracy")])
    assert summary.reruns == {"clean": [RERUN]}


@pytest.mark.parametrize("difference", [None, math.inf, 0.0, 5e-324])
def test_every_difference_survives(saved, difference):
    store, where = saved
    store.record_rerun(where, "clean", replace(RERUN, largest_difference=difference))
    assert store.entries()[0].reruns["clean"][0].largest_difference == difference


def test_a_rerun_of_another_time_zone_is_kept_in_utc(saved):
    store, where = saved
    store.record_rerun(where, "clean", replace(RERUN, created="2026-02-03T05:05:06+01:00"))
    assert store.entries()[0].reruns["clean"] == [RERUN]


def test_recording_the_same_rerun_twice_keeps_the_later_text(saved):
    store, where = saved
    for note in ("", "corrected"):
        store.record_rerun(where, "clean", replace(RERUN, note=note))
    store.record_rerun(where, "clean", replace(RERUN, by="Bob"))
    assert [(r.by, r.note) for r in store.entries()[0].reruns["clean"]] == [
        ("Ada", "corrected"),
        ("Bob", "on a laptop"),
    ]


def test_reruns_go_with_the_result_that_is_replaced(saved, made_up, battery):
    store, where = saved
    for probe in ("clean", "input"):
        store.record_rerun(where, probe, RERUN)
    store.save(made_up.card(), where, battery, made_up.results(0.3)["input"])
    assert store.entries()[0].reruns == {"clean": [RERUN]}
    with store.engine.connect() as connection:
        assert connection.exec_driver_sql("select count(*) from reruns").scalar() == 1


def test_a_rerun_of_what_is_not_stored_or_was_replaced_is_refused(saved, made_up, battery):
    store, where = saved
    with pytest.raises(InputError, match=r"rerun of weight was not recorded.*not stored"):
        store.record_rerun(where, "weight", RERUN)
    afresh = made_up.provenance(battery, created="2026-03-01T00:00:00+00:00")
    store.save(made_up.card(), afresh, battery, made_up.results()["clean"])
    with pytest.raises(InputError, match="replaced meanwhile"):
        store.record_rerun(where, "clean", RERUN)
    assert store.entries()[0].reruns == {}


@pytest.mark.parametrize(
    "change",
    [
        {"by": ""},
        {"by": " Ada"},
        {"by": "A" * 201},
        {"by": "Ada\n"},
        {"by": "\N{RIGHT-TO-LEFT OVERRIDE}adA"},
        {"note": "x" * 1001},
        {"note": "two\nlines"},
    ],
)
def test_a_name_or_note_that_cannot_be_shown_is_refused(saved, change):
    store, where = saved
    with pytest.raises(InputError, match="cannot be shown with a rerun; give"):
        store.record_rerun(where, "clean", replace(RERUN, **change))
    assert store.entries()[0].reruns == {}


def test_reading_takes_one_query_for_all_reruns(filled):
    for entry in filled.entries():
        for probe, where in entry.provenances.items():
            filled.record_rerun(where, probe, RERUN)
    asked = []
    event.listen(filled.engine, "before_cursor_execute", lambda *a: asked.append(a[2]))
    entries = filled.entries()
    assert len([text for text in asked if "FROM reruns" in text]) == 1
    assert all(entry.reruns.keys() == entry.results.keys() for entry in entries)
    (one,) = filled.entries(fingerprints=[entries[0].provenance.fingerprint])
    assert one.reruns == entries[0].reruns


def test_a_rerun_changes_the_key_that_pages_are_kept_by(saved):
    store, where = saved
    (before,) = store.summaries([])
    store.record_rerun(where, "clean", RERUN)
    (after,) = store.summaries([])
    assert before.revision != after.revision


def test_a_database_of_the_first_revision_keeps_its_content(tmp_path, made_up, battery):
    path = tmp_path / "old.sqlite"
    _make_first_revision(path)
    newer = Store.open(tmp_path / "new.sqlite")
    made_up.fill(newer)
    with sqlite3.connect(path) as old:
        old.execute("attach ? as newer", (str(tmp_path / "new.sqlite"),))
        for table in ("models", "results", "scores", "outcomes"):
            columns = [row[1] for row in old.execute(f"pragma table_info({table})")]
            names = ", ".join(columns)
            old.execute(f"insert into {table} ({names}) select {names} from newer.{table}")
    store = Store.open(path)
    entries = store.entries()
    assert [e.card.name for e in entries] == [e.card.name for e in newer.entries()]
    assert entries[0].results["clean"].scores == made_up.results(0.03)["clean"].scores
    store.record_rerun(entries[0].provenances["clean"], "clean", RERUN)
    assert store.entries()[0].reruns == {"clean": [RERUN]}


def _make_first_revision(path):
    config = Config()
    config.set_main_option("script_location", f"{database.__file__.rpartition('/')[0]}/migrations")
    with create_engine(f"sqlite:///{path}").begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
    with sqlite3.connect(path) as old:
        tables = {row[0] for row in old.execute("select name from sqlite_master")}
    assert "results" in tables
    assert "reruns" not in tables
