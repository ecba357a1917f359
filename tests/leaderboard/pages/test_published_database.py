"""The database among the site's files: whole, read-only, and of the same numbers as the pages."""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing
from importlib.resources import files

import pytest
from sqlalchemy import insert

from benchmark.probes import PROBES
from leaderboard.pages import render_site
from leaderboard.store import Store
from leaderboard.store.job import NewJob
from leaderboard.store.jobs import Jobs
from leaderboard.store.schema import Base
from leaderboard.store.summaries import NONSINGULAR


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    from tests.leaderboard import conftest as made_up

    folder = tmp_path_factory.mktemp("published")
    store = Store.open(folder / "scores.sqlite")
    made_up.fill(store)
    return render_site(store, folder / "site").parent


@pytest.fixture
def published(site):
    """A connection that can write nothing, beside the file least of all."""
    path = site / "nonsingular.sqlite"
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)) as connection:
        connection.row_factory = sqlite3.Row
        yield connection


def test_the_view_has_every_score_of_the_store(published, zoo_store):
    rows = published.execute("SELECT * FROM leaderboard").fetchall()
    found = {(r["model"], r["probe"], r["score"]): r for r in rows}
    count = 0
    for entry in zoo_store.entries():
        for probe, result in entry.results.items():
            for name, score in result.scores.items():
                row = found[entry.card.name, probe, name]
                expected = (score.value, score.low, score.high, score.n)
                assert tuple(row[c] for c in ("value", "low", "high", "n")) == expected
                assert row["examples"] == entry.provenance.examples
                assert row["split"] == "test"
                assert row["seed"] == entry.provenance.seed
                assert row["recipe"] == entry.card.recipe
                assert row["architecture"] == entry.card.architecture
                count += 1
    assert count == len(rows) > 30


def test_its_headlines_are_the_numbers_on_the_front_page(site, published, zoo_store):
    rows = published.execute("SELECT model, value, low, high FROM headline").fetchall()
    derived = {s.card.name: s.scores[NONSINGULAR] for s in zoo_store.summaries(())}
    assert {r["model"]: tuple(r)[1:] for r in rows} == {
        name: (score.value, score.low, score.high) for name, score in derived.items()
    }
    page = (site / "index.html").read_text("utf-8")
    for row in rows:
        line = re.search(rf">{row['model']}</a>.*?</tr>", page, re.S)
        assert line
        assert f">{row['value']:.1%}<" in line[0]


def test_it_says_what_every_score_means(published):
    unknown = """SELECT probe, score FROM leaderboard
        EXCEPT SELECT probe, score FROM meanings WHERE length(description) > 10"""
    assert published.execute(unknown).fetchall() == []
    (count,) = published.execute("SELECT count(*) FROM meanings").fetchone()
    assert count == 1 + sum(len(probe.scores) for probe in PROBES.values())


def test_it_says_which_scores_have_an_interval_and_why_others_have_none(published):
    kinds = "SELECT score, interval, no_interval FROM meanings WHERE probe = 'flatness'"
    found = {row["score"]: tuple(row)[1:] for row in published.execute(kinds)}
    assert found["worst_robust"][0] is None
    assert "search" in found["worst_robust"][1]
    assert found["average_robust"] == ("Student", None)
    neither = "SELECT count(*) FROM meanings WHERE (interval IS NULL) = (no_interval IS NULL)"
    assert published.execute(neither).fetchone()[0] == 0


def test_it_is_one_sound_file_that_a_store_can_be_opened_on(site, published, tmp_path):
    assert published.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    assert not list(site.glob("nonsingular.sqlite-*"))
    copy = tmp_path / "copy.sqlite"
    copy.write_bytes((site / "nonsingular.sqlite").read_bytes())
    assert len(Store.open(copy).entries()) == 4
    assert render_site(Store.open(copy), tmp_path / "site").is_file()


def test_what_was_replaced_is_not_in_the_published_file(tmp_path, made_up, battery):
    store = Store.open(tmp_path / "scores.sqlite")
    clean = made_up.results()["clean"]
    for secret in ("first-secret", "second"):
        result = clean.model_copy(update={"protocol": {"note": secret * 2000}})
        store.save(made_up.card(), made_up.provenance(battery), battery, result)
    site = render_site(store, tmp_path / "site").parent
    content = (site / "nonsingular.sqlite").read_bytes()
    assert b"second" in content
    assert b"first-secret" not in content


def test_it_can_be_left_out(tmp_path, store, made_up):
    made_up.fill(store, zoo=[("digits/cnn-standard", "standard", 0.1)])
    with_it = render_site(store, tmp_path / "site").read_text("utf-8")
    assert 'href="nonsingular.sqlite"' in with_it
    without = render_site(store, tmp_path / "site", database=False).read_text("utf-8")
    assert "nonsingular.sqlite" not in without
    assert not (tmp_path / "site" / "nonsingular.sqlite").exists()


def test_datasettes_metadata_describes_what_is_there(published):
    text = (files("leaderboard.pages") / "static" / "datasette.json").read_text("utf-8")
    (described,) = json.loads(text)["databases"].values()
    kinds = "SELECT name FROM sqlite_master WHERE type IN ('table', 'view')"
    names = {row[0] for row in published.execute(kinds)} - {"alembic_version", "sqlite_sequence"}
    assert set(described["tables"]) == names
    for table, about in described["tables"].items():
        columns = {row["name"] for row in published.execute(f"PRAGMA table_info({table})")}
        assert about["description"]
        assert set(about.get("columns", columns)) == columns, table
    for query in described["queries"].values():
        assert published.execute(query["sql"]).fetchall()


def test_no_job_is_published(tmp_path):
    from tests.leaderboard import conftest as made_up

    store = Store.open(tmp_path / "scores.sqlite")
    made_up.fill(store, zoo=[("digits/cnn-standard", "standard", 0.1)])
    job = NewJob(key="k", title="whispered title", payload={"folder": "/somewhere/whispered"})
    Jobs(store.engine).add([job])
    path = render_site(store, tmp_path / "site").parent / "nonsingular.sqlite"
    assert b"whispered" not in path.read_bytes()
    assert [each.title for each in Jobs(store.engine).statuses()] == ["whispered title"]
    assert Jobs(Store.open(path, to_read=True).engine).statuses() == []


PUBLIC = {
    *("models", "results", "scores", "outcomes", "reruns", "alternatives", "reported"),
    *("counterexamples", "alembic_version"),
}
"""The tables of which rows are published; what later schemas add is private."""


def test_rows_of_no_other_table_are_published(tmp_path):
    from tests.leaderboard import conftest as made_up
    from tests.leaderboard.store.test_migrations import invented

    store = Store.open(tmp_path / "scores.sqlite")
    made_up.fill(store, zoo=[("digits/cnn-standard", "standard", 0.1)])
    private = [table for table in Base.metadata.sorted_tables if table.name not in PUBLIC]
    with store.engine.begin() as connection:
        for table in private:
            connection.execute(insert(table), [invented(table)])
    path = render_site(store, tmp_path / "site").parent / "nonsingular.sqlite"
    with closing(sqlite3.connect(path)) as copy:
        counts = {
            table.name: copy.execute(f"SELECT count(*) FROM {table.name}").fetchone()[0]
            for table in private
        }
    assert len(counts) > 4
    assert counts == dict.fromkeys(counts, 0)
