"""Counterexamples in the store: they lower what they are about, whatever happens afterwards."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np
import pytest
from sqlalchemy import select

from benchmark.counterexamples import Verified
from benchmark.statistics import proportion
from benchmark.threats import BackdoorThreat, InputThreat
from leaderboard.archives.importing import import_archive
from leaderboard.archives.reading import read_archive
from leaderboard.archives.writing import write_archive
from leaderboard.store import Store
from leaderboard.store.counterexamples import StoredCounterexample
from leaderboard.store.lowering import PROTOCOL, Change
from leaderboard.store.schema import OutcomeRow, ResultRow
from models_zoo.errors import InputError
from tests.leaderboard import conftest as made_up

NAME = "digits/cnn-pgd-at"
FINGERPRINT = hashlib.sha256(NAME.encode()).hexdigest()
DATA = "d" * 64
LAST = made_up.N - 1
"""An example that is robust in all made-up results of this model."""


def breaking(threat, *places, sha256="e" * 64, **changes) -> StoredCounterexample:
    broken = np.isin(np.arange(made_up.N), places)
    return StoredCounterexample(
        **{
            "file_sha256": sha256,
            "found": Verified(threat, ~broken, broken),
            "by": "Ada Lovelace",
            "created": "2026-05-06T07:08:09+00:00",
        }
        | changes
    )


SMALL: InputThreat = made_up.LINF.at(0.1)


def entry_of(store, name=NAME):
    return next(entry for entry in store.entries() if entry.card.name == name)


def test_what_is_broken_lowers_exactly_that_row(filled):
    others = {e.card.name: e.results for e in filled.entries() if e.card.name != NAME}
    before = entry_of(filled)
    changes = filled.add_counterexample(FINGERPRINT, DATA, breaking(SMALL, LAST))
    after = entry_of(filled)
    assert [(each.battery, each.probe) for each in changes] == [("digits-v1", "input")]
    was, now = before.results["input"], after.results["input"]
    assert was.outcomes["headline"][LAST]
    assert not now.outcomes["headline"][LAST]
    assert now.scores["robust_accuracy"] == proportion(now.outcomes["headline"])
    assert now.scores["robust_accuracy_l2"] == was.scores["robust_accuracy_l2"]
    assert now.protocol[PROTOCOL] == ["linf 0.1: 1 example, by Ada Lovelace, 2026-05-06"]
    assert after.as_measured("input") == was
    assert after.as_measured("clean") == before.results["clean"]
    headline = [each.answers["nonsingular"].outcomes["headline"] for each in (before, after)]
    assert np.array_equal(headline[0] & ~breaking(SMALL, LAST).found.broken, headline[1])
    assert {e.card.name: e.results for e in filled.entries() if e.card.name != NAME} == others


def test_tables_show_the_lower_scores(filled):
    scores = [("input", "robust_accuracy")]
    (before,) = [each for each in filled.summaries(scores) if each.card.name == NAME]
    filled.add_counterexample(FINGERPRINT, DATA, breaking(SMALL, LAST))
    (after,) = [each for each in filled.summaries(scores) if each.card.name == NAME]
    lower = before.scores["input.robust_accuracy"].value - 1 / made_up.N
    assert after.scores["input.robust_accuracy"].value == pytest.approx(lower)
    assert after.lowered == {"input"}
    assert after.counterexamples == 1
    assert after.revision != before.revision


def test_the_same_file_twice_changes_nothing_and_other_files_add_up(filled):
    assert filled.add_counterexample(FINGERPRINT, DATA, breaking(SMALL, LAST))
    once = entry_of(filled)
    assert filled.add_counterexample(FINGERPRINT, DATA, breaking(SMALL, LAST, by="Eve")) == []
    assert entry_of(filled).results == once.results
    assert [each.by for each in entry_of(filled).counterexamples] == ["Ada Lovelace"]
    second = breaking(SMALL, LAST - 1, sha256="f" * 64)
    changes = filled.add_counterexample(FINGERPRINT, DATA, second)
    n = int(once.results["input"].outcomes["headline"].sum())
    assert changes[0].outcomes["headline"] == (n, n - 1)
    lines = entry_of(filled).results["input"].protocol[PROTOCOL]
    assert isinstance(lines, list)
    assert len(lines) == 2
    assert entry_of(filled).as_measured("input").outcomes["headline"][LAST]


def test_other_images_or_another_ball_change_nothing(filled):
    before = {entry.card.name: entry.results for entry in filled.entries()}
    assert filled.add_counterexample(FINGERPRINT, "0" * 64, breaking(SMALL, LAST)) == []
    larger = breaking(made_up.LINF.at(0.25), LAST)
    assert filled.add_counterexample(FINGERPRINT, DATA, larger) == []
    assert {entry.card.name: entry.results for entry in filled.entries()} == before


def test_a_result_that_is_measured_again_is_lowered_again(filled, battery):
    filled.add_counterexample(FINGERPRINT, DATA, breaking(SMALL, LAST))
    lowered = entry_of(filled)
    result = made_up.make_results(0.3)["input"]
    where = made_up.make_provenance(battery, FINGERPRINT)
    filled.save(made_up.make_card(NAME, "pgd-at"), where, battery, result)
    again = entry_of(filled)
    assert again.results["input"] == lowered.results["input"]
    assert again.as_measured("input") == result


def test_a_backdoor_is_about_its_battery_and_seed_alone(filled, battery):
    threat = replace(made_up.BACKDOOR)
    assert isinstance(threat, BackdoorThreat)
    result = entry_of(filled).results["backdoor"]
    found = Verified(
        threat,
        np.zeros(made_up.N, bool),
        np.ones(made_up.N, bool),
        {"success": proportion(np.ones(60, bool))},
        np.ones(60, bool),
    )
    new = replace(breaking(threat), found=found, battery_sha256=battery.sha256, seed=1)
    assert filled.add_counterexample(FINGERPRINT, DATA, new) == []
    ours = replace(new, seed=0, file_sha256="f" * 64)
    changes = filled.add_counterexample(FINGERPRINT, DATA, ours)
    assert changes == [
        Change(
            "digits-v1",
            "backdoor",
            {"triggered": (int(result.outcomes["triggered"].sum()), 0)},
        )
    ]
    assert entry_of(filled).results["backdoor"].scores["success"].value == 1


def test_rows_of_outcomes_follow(filled):
    filled.add_counterexample(FINGERPRINT, DATA, breaking(SMALL, LAST))
    query = (
        select(OutcomeRow.n_robust, OutcomeRow.label)
        .join(ResultRow, ResultRow.id == OutcomeRow.result_id)
        .where(ResultRow.fingerprint == FINGERPRINT, ResultRow.probe == "input")
    )
    with filled.engine.connect() as connection:
        rows = {label: n for n, label in connection.execute(query)}
    outcomes = entry_of(filled).results["input"].outcomes
    assert rows == {"linf 0.2": outcomes["headline"].sum(), "l2 0.2": outcomes["l2"].sum()}


def test_a_name_that_cannot_be_shown_is_refused(filled):
    with pytest.raises(InputError, match="cannot be shown"):
        filled.add_counterexample(FINGERPRINT, DATA, breaking(SMALL, LAST, by="\x1b[2J"))
    assert entry_of(filled).counterexamples == []


@pytest.fixture
def archive(filled, tmp_path):
    filled.add_counterexample(FINGERPRINT, DATA, breaking(SMALL, LAST))
    write_archive(tmp_path / "a.jsonl.gz", filled.entries())
    return read_archive(tmp_path / "a.jsonl.gz")


def test_an_archive_carries_counterexamples_and_what_was_measured(filled, archive):
    other = Store.open(":memory:")
    import_archive(other, archive)
    ours, theirs = entry_of(filled), entry_of(other)
    assert theirs.results == ours.results
    assert theirs.as_measured("input") == ours.as_measured("input")
    assert [each.imported for each in theirs.counterexamples] == [True]
    assert import_archive(other, archive).fates == {"present": len(list(archive.results()))}
    assert entry_of(other).results == ours.results


def test_what_an_archive_claims_does_not_lower_what_was_measured_here(archive):
    store = Store.open(":memory:")
    made_up.fill(store)
    before = entry_of(store).results
    import_archive(store, archive)
    assert entry_of(store).results == before
    changes = store.add_counterexample(FINGERPRINT, DATA, breaking(SMALL, LAST))
    assert [each.probe for each in changes] == ["input"]
    assert [each.imported for each in entry_of(store).counterexamples] == [False]
