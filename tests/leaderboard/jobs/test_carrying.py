"""A battery that changes keeps the results of the probes that did not change, and no others."""

from dataclasses import replace

import pytest
from sqlalchemy import update

from benchmark import load_battery, load_dataset
from benchmark.batteries import Battery, is_unchanged
from benchmark.probes import PROBES
from leaderboard.archives import read_archive
from leaderboard.cli import run as command
from leaderboard.jobs.run import Run
from leaderboard.jobs.scoring import plan_models, score_models
from leaderboard.store import Store
from leaderboard.store.schema import ResultRow
from models_zoo import load_model

SCORED = ["clean", "intrinsic"]


def with_probes(names, **settings):
    """``digits-v1`` with some of its probes, and other settings."""
    content = load_battery("digits-v1").model_dump(mode="json")
    probes = {name: content["probes"][name] | settings.get(name, {}) for name in names}
    return Battery.model_validate(content | {"probes": probes, "default": list(names)})


@pytest.fixture(scope="module")
def model():
    return load_model("digits/mlp-standard")


@pytest.fixture
def earlier(model):
    """A store with results of an earlier version, and the run of a later one."""
    store, data = Store.open(":memory:"), load_dataset("digits").head(12)
    run = Run(with_probes(SCORED), data, SCORED)
    score_models([model], run, store)
    return store, replace(run, battery=with_probes([*SCORED, "bits"]))


def test_results_are_carried_to_a_battery_with_further_probes(earlier, model, capsys):
    store, run = earlier
    (plan,) = plan_models([model], run, store)
    assert (list(plan.known), plan.tasks) == (SCORED, [])
    assert len(store.entries()) == 1, "planning writes nothing"
    (report,) = score_models([model], run, store)
    assert "2 results of earlier versions of digits-v1 hold for this one" in capsys.readouterr().err
    before, after = store.entries()
    assert after.provenance.battery_sha256 == run.battery.sha256
    assert set(after.battery["probes"]) == {*SCORED, "bits"}
    for probe in SCORED:
        assert after.results[probe] == before.results[probe] == report.results[probe]
        assert after.provenances[probe].carried_from == before.provenance.battery_sha256
        assert after.provenances[probe].created == before.provenances[probe].created
        assert before.provenances[probe].carried_from is None
    (fresh,) = score_models([model], replace(run, fresh=True), Store.open(":memory:"))
    for probe, result in fresh.results.items():
        assert result.scores == after.results[probe].scores


def test_what_was_carried_is_carried_on_under_its_first_name(earlier, model):
    store, run = earlier
    first = store.entries()[0].provenance.battery_sha256
    score_models([model], run, store)
    score_models([model], replace(run, battery=with_probes([*SCORED, "bits", "weight"])), store)
    carried = {each.carried_from for e in store.entries()[1:] for each in e.provenances.values()}
    assert carried == {first}


def test_an_archive_may_have_current_versions_only(earlier, model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    store = Store.open("scores.sqlite")
    run = replace(earlier[1], battery=with_probes(SCORED))
    for battery in (run.battery, load_battery("digits-v1")):
        score_models([model], replace(run, battery=battery), store)
    options = ["--archive", "results.jsonl.gz", "--database", "scores.sqlite"]
    for option, count in (([], 4), (["--current"], 2)):
        assert command(["export", *options, *option]) == 0
        assert len(list(read_archive("results.jsonl.gz").results())) == count
    assert command(["export", "digits/mlp-standard", *options[2:], "--current"]) == 2


def test_what_changed_is_computed_anew_and_nothing_else(earlier, model):
    store, run = earlier
    battery = with_probes(["bits", *SCORED], intrinsic={"steps": 3})
    (plan,) = plan_models([model], replace(run, battery=battery), store)
    assert (list(plan.known), [each.probe for each in plan.tasks]) == (["clean"], ["intrinsic"])


def test_another_version_of_an_algorithm_computes_anew(earlier, model, monkeypatch):
    store, run = earlier
    monkeypatch.setattr(PROBES["clean"], "algorithm", PROBES["clean"].algorithm + 1)
    (plan,) = plan_models([model], run, store)
    assert list(plan.known) == ["intrinsic"]


@pytest.mark.parametrize("change", [{"seed": 1}, {"fresh": True}, {"data": 11}])
def test_another_seed_or_other_images_compute_anew(earlier, model, change):
    store, run = earlier
    if "data" in change:
        change = {"data": run.data.head(change["data"])}
    (plan,) = plan_models([model], replace(run, **change), store)
    assert plan.known == {}


def test_what_was_imported_stays_imported(earlier, model):
    store, run = earlier
    with store.engine.begin() as connection:
        connection.execute(
            update(ResultRow).where(ResultRow.probe == "clean").values(archive="a" * 64)
        )
    score_models([model], run, store)
    assert [each.imported for each in store.entries()] == [{"clean"}, {"clean"}]


def same(probe, then, now, algorithms=None):
    content = then.model_dump(mode="json")
    return is_unchanged(probe, now, content, then.algorithms if algorithms is None else algorithms)


def test_a_probe_changes_with_those_that_it_reads():
    battery = load_battery("digits-v1")
    assert all(same(probe, battery, battery) for probe in battery.probes)
    steps = with_probes(battery.probes, weight={"steps": 9})
    changed = {probe for probe in battery.probes if not same(probe, battery, steps)}
    assert changed == {"weight", "joint", "flatness"}
    older = battery.algorithms | {"input": 1}
    assert {p for p in battery.probes if not same(p, battery, battery, older)} == {"input", "joint"}
    fewer = with_probes(["clean", "input", "joint", "flatness"])
    for then, now in ((fewer, battery), (battery, fewer)):
        assert {p for p in fewer.probes if same(p, then, now)} == {"clean", "input"}
    assert not same("weight", fewer, battery)


def test_a_probe_is_given_no_settings_but_those_that_it_reads():
    battery = load_battery("digits-v1")
    for name, settings in battery.probes.items():
        probe = PROBES[name](settings, battery.probes)
        assert set(probe.battery) == probe.reads


def test_a_stored_content_that_is_none_is_another():
    battery = load_battery("digits-v1")
    content = battery.model_dump(mode="json")
    for broken in ({}, {**content, "probes": 3}, {**content, "probes": {"clean": 3}}):
        assert not is_unchanged("clean", battery, broken, {})
    assert not is_unchanged("clean", battery, {**content, "name": "other-v1"}, {})
