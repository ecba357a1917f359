"""Units in shards of examples: the same result, kept with their jobs, and joined once."""

import threading
from dataclasses import replace

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session as Transaction

from benchmark import load_battery, load_dataset
from benchmark.progress import Step
from benchmark.results import Provenance
from benchmark.session import Session
from benchmark.shards import Shard, ShardResult
from leaderboard.jobs.division import in_shards, open_counts
from leaderboard.jobs.run import Run
from leaderboard.jobs.scoring import UnitsFailedError, Where, add_jobs, plan_models, score_models
from leaderboard.jobs.sources import DataSource, ModelSource
from leaderboard.store import Store
from leaderboard.store.job import LeaseLostError, NewJob
from leaderboard.store.jobs import Jobs
from leaderboard.store.schema import ShardRow
from leaderboard.store.shards import StoredShard
from models_zoo import load_model
from models_zoo.classifier import Classifier
from tests.benchmark.short_input_attack import BATTERY, BATTERY_FILE, OneByOne, without_passes
from tests.leaderboard.jobs.test_executors import MODELS, Kills, said, same_bits

COUNT, SHARDS = 15, 3


@pytest.fixture(scope="module")
def model():
    plain = load_model("digits/mlp-pgd-at")
    return Classifier(OneByOne(plain.network), plain.card)


@pytest.fixture(scope="module")
def run():
    return Run(BATTERY, load_dataset("digits").head(COUNT), ["input"])


@pytest.fixture(scope="module")
def whole(model, run):
    """The result of a run that divides nothing."""
    (report,) = score_models([model], run, Store.open(":memory:"))
    return report.results["input"]


@pytest.fixture(scope="module")
def in_parts(model, run):
    """The result of a run in shards, what was found on each, and the store."""
    found, run_shard = {}, Session.run_shard
    with pytest.MonkeyPatch.context() as patch:

        def kept(self, name, shard, **options):
            found[shard.index] = run_shard(self, name, shard, **options)
            return found[shard.index]

        patch.setattr(Session, "run_shard", kept)
        store = Store.open(":memory:")
        (report,) = score_models([model], run, store, where=Where(shards=SHARDS))
    return report.results["input"], found, store


def key_of(plan):
    return plan.tasks[0].unit.key


def test_a_run_in_shards_has_the_same_result_and_leaves_no_shards(in_parts, whole, model, run):
    result, found, store = in_parts
    assert sorted(found) == list(range(SHARDS))
    assert without_passes(result) == without_passes(whole)
    (entry,) = store.entries()
    assert without_passes(entry.results["input"]) == without_passes(whole)
    assert entry.provenances["input"].examples == COUNT
    assert result.cost.seconds == sum(each.cost.seconds for each in found.values())
    (plan,) = plan_models([model], replace(run, fresh=True), store)
    assert store.shards(*key_of(plan)) == []
    assert Jobs(store.engine).statuses() == []


@pytest.fixture
def asked(in_parts, monkeypatch):
    """The shards that are computed from now on, whose results are known; ``fail`` refuses some."""
    asked: list[int] = []
    found, errors = in_parts[1], dict[int, BaseException]()

    def known(self, name, shard, **options):
        asked.append(shard.index)
        if shard.index in errors:
            raise errors[shard.index]
        options["on_step"](Step(name, 0.5))
        return found[shard.index]

    monkeypatch.setattr(Session, "run_shard", known)
    return asked, errors


def test_a_run_that_was_stopped_between_shards_goes_on_with_those_that_are_left(
    asked, whole, model, run, tmp_path, capfd
):
    calls, errors = asked
    store = Store.open(tmp_path / "s.db")
    errors[1] = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        score_models([model], run, store, where=Where(shards=SHARDS))
    assert "1 of 1 units remains" in capfd.readouterr().err
    assert store.entries() == [], "a shard is not a result"
    (plan,) = plan_models([model], run, store)
    done = [each.index for each in store.shards(*key_of(plan))]
    assert done == [index for index in calls if index != 1]
    errors.clear()
    calls.clear()
    (report,) = score_models([model], run, store)
    assert sorted([*calls, *done]) == [0, 1, 2], "in as many shards, though nobody asked for them"
    assert without_passes(report.results["input"]) == without_passes(whole)
    assert capfd.readouterr().err.count("Input attack took") == 1
    assert store.shards(*key_of(plan)) == []


def test_a_shard_that_fails_does_not_stop_the_others_and_its_unit_fails_once(
    asked, model, run, tmp_path
):
    _, errors = asked
    errors.update({1: ZeroDivisionError("a fault"), 2: ZeroDivisionError("another")})
    store = Store.open(tmp_path / "s.db")
    with pytest.raises(UnitsFailedError) as told:
        score_models([model], run, store, where=Where(shards=SHARDS))
    assert str(told.value).count("failed in 3 attempts") == 1
    assert "Input attack, shard 2 of 3 failed" in str(told.value)
    assert "0 of 1 units are stored" in str(told.value)
    (plan,) = plan_models([model], run, store)
    assert store.shards(*key_of(plan)) == [Shard(index=0, count=SHARDS)]


def test_shards_that_cannot_be_joined_are_deleted_with_a_line(asked, whole, model, run, tmp_path):
    _, errors = asked
    store = Store.open(tmp_path / "s.db")
    errors[2] = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        score_models([model], run, store, where=Where(shards=SHARDS))
    errors.clear()
    with Transaction(store.engine) as session, session.begin():
        session.execute(update(ShardRow).values(content={"of": "another version"}))
    with pytest.raises(UnitsFailedError, match="its stored shards cannot be joined"):
        score_models([model], run, store)
    assert store.entries() == []
    (report,) = score_models([model], run, store, where=Where(shards=SHARDS))
    assert without_passes(report.results["input"]) == without_passes(whole)


def test_a_fresh_run_in_shards_computes_and_replaces_all(asked, in_parts, model, run, tmp_path):
    calls, errors = asked
    store = Store.open(tmp_path / "s.db")
    score_models([model], run, store, where=Where(shards=SHARDS))
    first = store.entries()[0].results["input"]
    fresh = replace(run, fresh=True)
    calls.clear()
    errors[0] = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        score_models([model], fresh, store, where=Where(shards=SHARDS))
    assert store.entries()[0].results["input"] == first
    errors.clear()
    calls.clear()
    (report,) = score_models([model], fresh, store, where=Where(shards=SHARDS))
    assert sorted(calls) == [0, 1, 2]
    assert report.results["input"] == first
    (plan,) = plan_models([model], fresh, store)
    assert store.shards(*key_of(plan)) == []


def test_two_processes_of_which_one_is_killed_give_the_same_as_one(tmp_path, monkeypatch, capfd):
    file = tmp_path / "battery.toml"
    file.write_text(BATTERY_FILE)
    source = DataSource(dataset="digits", count=8)
    run = Run(
        *(load_battery(str(file)), load_dataset("digits").head(8), ["input"]),
        data_source=source,
        battery_source=str(file),
    )
    names = MODELS[:1]

    def reports(database, workers):
        return score_models(
            [load_model(name) for name in names],
            run,
            Store.open(database),
            sources=[ModelSource(name=name, dataset="digits") for name in names],
            where=Where(workers=workers, threads=1, shards=2),
        )

    alone = said(reports(tmp_path / "alone.db", 1))
    monkeypatch.setattr("leaderboard.jobs.scoring.Processes", Kills)
    monkeypatch.setattr(Kills, "times", 1)
    assert said(reports(tmp_path / "s.db", 2)) == alone
    assert "of 2 failed (its worker was killed by SIGKILL" in capfd.readouterr().err
    same_bits(tmp_path / "s.db", tmp_path / "alone.db")
    assert Jobs(Store.open(tmp_path / "s.db").engine).statuses() == []


def test_a_unit_that_waits_is_divided_as_it_is_there(tmp_path):
    data = load_dataset("digits").head(8)
    source = DataSource(dataset="digits", count=8)
    name = "digits/mlp-pgd-at"
    run = Run(BATTERY, data, ["input"], data_source=source, battery_source="digits-v1")
    models, sources = [load_model(name)], [ModelSource(name=name, dataset="digits")]
    store = Store.open(tmp_path / "s.db")
    assert add_jobs(models, run, store, sources, shards=2) == 2
    assert add_jobs(models, run, store, sources, shards=5) == 2, "the same two"
    titles = [each.title for each in Jobs(store.engine).statuses()]
    assert titles == [f"{name}: Input attack, shard {number} of 2" for number in (1, 2)]
    plans = plan_models(models, run, store, sources=sources, divides=True)
    assert [len(each.tasks) for each in in_shards(plans, store, workers=9, wanted=4)] == [2]
    assert [len(each.tasks) for each in in_shards(plans, Store.open(":memory:"), workers=9)] == [1]


def test_the_division_of_what_waits_is_read_from_the_keys_of_jobs():
    assert open_counts(["a1", "b2.1/8", "b2.7/8"]) == {"a1": 1, "b2": 8}


@pytest.fixture
def unit(made_up, battery):
    """A made-up unit in shards: its key, what is stored of shard i, and how they are joined."""
    where = made_up.provenance(battery)
    result = made_up.results()["clean"]

    def found(index, count=SHARDS, where=where):
        shard = Shard(index=index, count=count)
        return StoredShard(
            where, ShardResult(probe="clean", shard=shard, examples=5, found={"i": index})
        )

    def join(shards):
        assert [each.found["i"] for each in shards] == list(range(len(shards)))
        return result

    return (
        (where.fingerprint, where.battery_sha256, where.data_sha256, where.seed, "clean"),
        found,
        join,
    )


def lease_of(jobs, name):
    jobs.add([NewJob(name, name, {})])
    return jobs.claim("me")


def test_workers_that_end_at_once_join_the_shards_once(new_database, unit, made_up, battery):
    key, found, join = unit
    path = new_database()
    jobs = Jobs(Store.open(path).engine)
    leases = [lease_of(jobs, f"shard {index}") for index in range(SHARDS)]
    begin, joined = threading.Barrier(SHARDS), []

    def save(index):
        store = Store.open(path)
        begin.wait()
        joined.append(
            store.save_shard(made_up.card(), found(index), battery, join, lease=leases[index])
        )
        store.engine.dispose()

    threads = [threading.Thread(target=save, args=(index,)) for index in range(SHARDS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(each is not None for each in joined) == [False, False, True]
    store = Store.open(path)
    assert store.result(*key) is not None
    assert store.shards(*key) == []
    assert {each.state for each in jobs.statuses()} == {"done"}
    store.engine.dispose()
    jobs._engine.dispose()


def test_a_worker_that_lost_its_shard_stores_nothing(unit, made_up, battery):
    key, found, join = unit
    store = Store.open(":memory:")
    lost = lease_of(Jobs(store.engine, lease_seconds=-1), "shard")
    mine = Jobs(store.engine).claim("another")
    assert mine is not None
    with pytest.raises(LeaseLostError):
        store.save_shard(made_up.card(), found(0), battery, join, lease=lost)
    assert store.shards(*key) == []
    assert store.save_shard(made_up.card(), found(0), battery, join, lease=mine) is None
    assert store.shards(*key) == [Shard(index=0, count=SHARDS)]


def test_shards_of_several_environments_are_told_in_the_protocol(unit, made_up, battery):
    _, found, join = unit
    store = Store.open(":memory:")
    jobs, other = Jobs(store.engine), {"threads": 4}
    for index in range(2):
        where = found(0).provenance
        where = Provenance.model_validate(where.model_dump() | (other if index else {}))
        result = store.save_shard(
            made_up.card(),
            found(index, 2, where),
            battery,
            join,
            lease=lease_of(jobs, f"shard {index}"),
        )
    assert result is not None
    lines = result.protocol["shards were computed with"]
    assert isinstance(lines, list)
    assert [str(line).split(", ")[1] for line in lines] == ["1 thread", "4 threads"]


def test_a_result_that_is_stored_replaces_the_shards_of_its_unit(unit, made_up, battery):
    key, found, join = unit
    store = Store.open(":memory:")
    lease = lease_of(Jobs(store.engine), "shard")
    store.save_shard(made_up.card(), found(0), battery, join, lease=lease)
    store.save(made_up.card(), found(0).provenance, battery, join([]))
    assert store.shards(*key) == []
    late = lease_of(Jobs(store.engine), "a late shard")
    assert store.save_shard(made_up.card(), found(1), battery, join, lease=late) is None
    assert store.shards(*key) == []
