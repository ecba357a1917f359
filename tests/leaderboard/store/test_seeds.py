"""Secret seeds: committed to, used, shown nowhere until they are revealed."""

from __future__ import annotations

import sqlite3

import pytest

from leaderboard.store import Store
from leaderboard.store.seeds import Seeds, commitment_of, seed_text, stand_in
from models_zoo.errors import InputError
from tests.leaderboard import conftest as made_up


@pytest.fixture
def seeds(store):
    return Seeds(store.engine)


def test_a_seed_is_secret_until_it_is_revealed(seeds):
    made = seeds.commit("round 1")
    assert (made.seed, made.nonce, made.revealed, made.note) == (None, None, None, "round 1")
    assert seeds.listed() == [made]
    seed = seeds.secret(made.sha256)
    shown = seeds.reveal(made.sha256[:8])
    assert shown.seed == seed
    assert commitment_of(shown.seed, shown.nonce) == made.sha256
    assert seeds.reveal(made.sha256) == shown
    assert seeds.listed() == [shown]


def test_seeds_differ_and_json_numbers_keep_them(seeds):
    drawn = [seeds.secret(seeds.commit().sha256) for _ in range(3)]
    assert len(set(drawn)) == 3
    assert all(0 <= seed < 2**53 for seed in drawn)


@pytest.mark.parametrize("asked", ["", "0123", "0" * 64, "%"])
def test_an_unknown_commitment_is_refused(seeds, asked):
    seeds.commit()
    with pytest.raises(InputError, match="unknown commitment"):
        seeds.reveal(asked)


def test_results_have_a_stand_in_until_the_seed_is_revealed(store, seeds):
    made = seeds.commit()
    seed, hidden = seeds.secret(made.sha256), stand_in(made.sha256)
    made_up.fill(store, seed=seed)
    made_up.fill(store, seed=3)
    for found in (
        {entry.provenance.seed for entry in store.entries()},
        {where.seed for entry in store.entries() for where in entry.provenances.values()},
        {entry.key[3] for entry in store.entries()},
        {summary.seed for summary in store.summaries(())},
    ):
        assert found == {3, hidden}
    where = next(each for each in store.entries() if each.provenance.seed == hidden).provenance
    key = (where.fingerprint, where.battery_sha256, where.data_sha256)
    assert store.results(*key, seed)  # a worker finds what is stored
    seeds.reveal(made.sha256)
    assert {entry.provenance.seed for entry in store.entries()} == {3, seed}
    assert {summary.seed for summary in store.summaries(())} == {3, seed}


def test_a_stand_in_is_shown_as_what_it_is():
    sha256 = "00ab" + "c" * 60
    assert seed_text(stand_in(sha256)) == "secret seed 00abcccccccc"
    assert seed_text(7) == "seed 7"


def test_no_file_of_the_site_has_a_secret_seed(tmp_path):
    from leaderboard.pages import render_site

    store = Store.open(":memory:")
    seeds = Seeds(store.engine)
    made = seeds.commit()
    seed = seeds.secret(made.sha256)
    made_up.fill(store, made_up.ZOO[:1], seed=seed)
    render_site(store, tmp_path / "site")
    texts = {path: path.read_bytes() for path in (tmp_path / "site").rglob("*") if path.is_file()}
    assert [path for path, text in texts.items() if str(seed).encode() in text] == []
    with sqlite3.connect(tmp_path / "site" / "nonsingular.sqlite") as published:
        told = published.execute(
            "SELECT DISTINCT results.seed, headline.seed, json_extract(provenance, '$.seed') "
            "FROM results, headline"
        ).fetchall()
        assert published.execute("SELECT count(*) FROM seeds").fetchone() == (0,)
    assert told == [(stand_in(made.sha256),) * 3]
    (page,) = (text for path, text in texts.items() if path.match("models/*/index.html"))
    assert f"secret seed {made.sha256[:12]}".encode() in page
