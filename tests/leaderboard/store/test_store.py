"""What is saved comes back exactly, once, under its key."""

from __future__ import annotations

import json
import math
import sqlite3
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import create_engine, text

from benchmark.results import ProbeResult, Score
from leaderboard.store import Store, encoding
from models_zoo.errors import InputError


def same(a: ProbeResult, b: ProbeResult) -> bool:
    return (
        a.model_dump() == b.model_dump()
        and a.outcomes.keys() == b.outcomes.keys()
        and all(np.array_equal(a.outcomes[name], b.outcomes[name]) for name in a.outcomes)
    )


def test_a_result_comes_back_with_its_bits_and_floats(store, made_up, battery):
    result = made_up.results()["input"]
    result.protocol["odd"] = {"inf": math.inf, "third": 1 / 3, "list": [True, None, "ü"]}
    provenance = made_up.provenance(battery)
    store.save(made_up.card(), provenance, battery, result)
    back = store.results(provenance.fingerprint, battery.sha256, provenance.data_sha256, 0)
    assert list(back) == ["input"]
    assert same(back["input"], result)
    assert back["input"].outcomes["headline"].dtype == np.bool_


@given(st.lists(st.booleans(), min_size=1, max_size=70))
def test_outcomes_of_any_length_survive_packing(outcomes):
    bits = np.array(outcomes)
    assert np.array_equal(encoding.unpack(encoding.pack(bits), bits.size), bits)


@given(st.dictionaries(st.text(), st.floats(allow_nan=False) | st.lists(st.floats(max_value=0))))
def test_any_float_survives_and_the_text_is_json(data):
    text = encoding.dumps(data)
    json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    assert encoding.loads(text) == data


def test_an_infinite_and_an_undefined_score_are_kept(store, made_up, battery):
    scores = {
        "budget": Score(value=math.inf, n=3, low=math.inf, high=math.inf),
        "broken": Score(value=math.nan, n=3, low=math.nan, high=math.nan),
    }
    provenance = made_up.provenance(battery)
    store.save(made_up.card(), provenance, battery, ProbeResult(probe="backdoor", scores=scores))
    (entry,) = store.entries()
    assert entry.results["backdoor"].scores["budget"] == scores["budget"]
    assert math.isnan(entry.results["backdoor"].scores["broken"].value)
    (summary,) = store.summaries([("backdoor", "broken")])
    assert math.isnan(summary.scores["backdoor.broken"].value)
    with store.engine.connect() as plain:
        rows = plain.execute(text("select name, value, low, high from scores")).all()
        (payload,) = plain.scalars(text("select cast(payload as text) from results"))
    assert sorted(rows) == [("broken", None, None, None), ("budget", *3 * [math.inf])]
    json.loads(payload, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))


def test_saving_again_replaces_and_leaves_no_orphans(store, made_up, battery):
    provenance = made_up.provenance(battery)
    for strength in (0.1, 0.3):
        store.save(made_up.card(), provenance, battery, made_up.results(strength)["input"])
    (entry,) = store.entries()
    assert same(entry.results["input"], made_up.results(0.3)["input"])
    with store.engine.connect() as plain:
        counts = [
            plain.scalar(text(f"select count(*) from {name}"))
            for name in ("models", "results", "scores", "outcomes")
        ]
    assert counts == [1, 1, 2, 2]


@pytest.mark.parametrize(
    "change",
    [{"battery_sha256": "e" * 64}, {"data_sha256": "e" * 64}, {"seed": 1}],
    ids=["battery", "data", "seed"],
)
def test_another_battery_data_or_seed_is_another_entry(store, made_up, battery, change):
    clean = made_up.results()["clean"]
    store.save(made_up.card(), made_up.provenance(battery), battery, clean)
    store.save(made_up.card(), made_up.provenance(battery, **change), battery, clean)
    assert len(store.entries()) == 2
    here = made_up.provenance(battery)
    assert store.results(here.fingerprint, here.battery_sha256, here.data_sha256, 0)
    assert not store.results(here.fingerprint, here.battery_sha256, here.data_sha256, 7)


def test_entries_can_be_limited_to_a_battery(store, made_up, battery):
    made_up.fill(store)
    other = made_up.Battery(name="mnist-linf-v1")
    made_up.fill(store, [("mnist/cnn", "standard", 0.1)], other)
    assert {e.card.name for e in store.entries("mnist-linf-v1")} == {"mnist/cnn"}
    assert len(store.entries()) == 5
    assert store.entries("mnist-linf-v1")[0].battery == other.model_dump(mode="json")


def test_the_headline_is_derived_where_its_parts_were_run(filled):
    entry = filled.entries()[1]
    parts = [entry.results[p].outcomes["headline"] for p in ("clean", "input", "weight", "joint")]
    expected = float(np.logical_and.reduce(parts).mean())
    assert entry.answers["nonsingular"].scores["robust_accuracy"].value == expected
    rest = {name: result for name, result in entry.results.items() if name != "joint"}
    assert "nonsingular" not in replace(entry, results=rest).answers


def test_an_entry_keeps_each_answers_own_provenance(store, made_up, battery):
    old = made_up.provenance(battery, created="2026-01-01T00:00:00+00:00")
    new = made_up.provenance(battery, created="2026-02-01T00:00:00+00:00")
    answers = made_up.results()
    store.save(made_up.card(), new, battery, answers["input"])
    store.save(made_up.card(), old, battery, answers["clean"])
    (entry,) = store.entries()
    assert entry.provenances == {"input": new, "clean": old}
    assert entry.provenance == new


@pytest.mark.parametrize(
    ("first", "second", "shown"),
    [
        ("file", "submitted", "second"),
        ("submitted", "file", "first"),
        ("bundled", "submitted", "first"),
        ("submitted", "bundled", "second"),
        ("submitted", "submitted", "first"),
    ],
)
def test_the_same_weights_under_two_cards_show_the_better_known_one(
    store, made_up, battery, first, second, shown
):
    provenance, clean = made_up.provenance(battery), made_up.results()["clean"]
    for name, source in (("first", first), ("second", second)):
        card = made_up.card(name, source=source)
        store.save(card, provenance, battery, clean, submitted=source == "submitted")
    (entry,) = store.entries()
    assert entry.card.name == shown
    assert entry.submitted == (entry.card.source == "submitted")
    assert store.card(provenance.fingerprint) == entry.card
    assert store.card("0" * 64) is None


def test_a_corrected_card_of_the_same_name_is_taken(store, made_up, battery):
    provenance, clean = made_up.provenance(battery), made_up.results()["clean"]
    for notes in ("", "corrected"):
        store.save(made_up.card(notes=notes), provenance, battery, clean)
    assert store.entries()[0].card.notes == "corrected"


def refusal(database) -> str:
    with pytest.raises(InputError) as caught:
        Store.open(database)
    assert "\n" not in str(caught.value)
    assert "database" in str(caught.value)
    return str(caught.value)


def test_a_database_that_cannot_be_used_is_refused_in_one_line(tmp_path):
    assert "unable to open" in refusal(tmp_path / "missing" / "x.sqlite")
    assert "is a folder" in refusal(tmp_path)
    text = tmp_path / "notes.txt"
    text.write_text("not a database, only some text that is long enough to be read\n" * 50)
    before = text.read_bytes()
    assert "not a database" in refusal(text)
    assert text.read_bytes() == before
    assert "file name" in refusal("")
    assert "not a database URL" in refusal("sqlite//x://y")
    assert "driver" in refusal("nosuchdatabase://host/x")


def test_a_read_only_database_is_refused_unless_only_read(tmp_path, made_up):
    path = tmp_path / "scores.sqlite"
    store = Store.open(path)
    made_up.fill(store)
    store.engine.dispose()
    read_only = f"sqlite:///file:{path}?mode=ro&uri=true"
    assert "readonly" in refusal(read_only)
    assert len(Store.open(read_only, to_read=True).entries()) == 4


def test_a_missing_database_is_not_created_to_read_from(tmp_path):
    path = tmp_path / "scores.sqlite"
    with pytest.raises(InputError, match="nonsingular bench first"):
        Store.open(path, to_read=True)
    assert not path.exists()


def test_somebody_elses_database_is_left_alone(tmp_path):
    path = tmp_path / "theirs.sqlite"
    with sqlite3.connect(path) as theirs:
        theirs.execute("create table recipes (id integer)")
    assert "belongs to another program" in refusal(path)
    with sqlite3.connect(path) as theirs:
        assert theirs.execute("select name from sqlite_master").fetchall() == [("recipes",)]


def test_a_database_of_a_newer_version_is_refused(tmp_path):
    path = tmp_path / "scores.sqlite"
    Store.open(path).engine.dispose()
    with sqlite3.connect(path) as plain:
        plain.execute("update alembic_version set version_num = '9999'")
    assert "newer version" in refusal(path)


@pytest.mark.parametrize(
    "address",
    [
        "nosuchdatabase://me:hunter2@host/x",
        "postgresql+psycopg://me:hunter2@127.0.0.1:1/x",
        "postgresql+psycopg://me@127.0.0.1:1/x?password=hunter2&application_name=seen",
        "postgresql+psycopg://me:hun/ter2@127.0.0.1:1/x",
        "postgresql+psycopg://me:hunter2@host:port/x",
        "postgresql+psycopg://me@host:port/x?sslpassword=hunter2&application_name=seen",
        "://me:hunter2@host/x",
    ],
)
def test_a_password_is_not_shown(address):
    shown = refusal(address)
    assert "ter2" not in shown
    assert "***" in shown
    assert ("seen" in address) == ("seen" in shown)


def test_a_store_does_not_show_its_password():
    url = "postgresql+psycopg://me:hunter2@host/x?sslpassword=hunter2"
    assert repr(Store(create_engine(url))) == (
        "Store(postgresql+psycopg://me:***@host/x?sslpassword=***)"
    )
