"""A unit that fails does not stop the others; a job that was lost is dropped."""

from dataclasses import replace

import pytest
import torch

from benchmark import evaluate, load_battery, load_dataset
from benchmark.results import Flag, Thumbnail
from benchmark.session import Session
from leaderboard.jobs import worker as module
from leaderboard.jobs.materials import Materials
from leaderboard.jobs.planning import jobs_of
from leaderboard.jobs.run import Run
from leaderboard.jobs.scoring import UnitsFailedError, Where, plan_models, score_models
from leaderboard.jobs.sources import DataSource, ModelSource
from leaderboard.jobs.watching import Watch
from leaderboard.jobs.worker import Worker
from leaderboard.store import Store
from leaderboard.store.job import NewJob
from leaderboard.store.jobs import Jobs
from leaderboard.terminal.model_lines import ModelLines
from models_zoo import InputError, load_model
from tests.leaderboard.jobs.test_executors import MODELS, score

HERE = Where(workers=1)


@pytest.fixture
def broken(monkeypatch):
    """Makes the units of a probe raise an error, and counts the attempts."""

    def break_it(probe, error, times=99):
        attempts: list[str] = []
        run = Session.run

        def broken_run(self, name, **options):
            if name == probe and len(attempts) < times:
                attempts.append(name)
                raise error
            return run(self, name, **options)

        monkeypatch.setattr(Session, "run", broken_run)
        return attempts

    return break_it


def test_a_unit_that_fails_three_times_is_stored_with_its_traceback(tmp_path, broken, capfd):
    attempts = broken("intrinsic", ZeroDivisionError("a\x1b[31m fault\nof ours"))
    with pytest.raises(UnitsFailedError) as told:
        score(tmp_path / "s.db", HERE, models=MODELS[:1])
    assert len(attempts) == 3
    assert "Intrinsic robustness failed in 3 attempts: of ours; 1 of 2 units" in str(told.value)
    assert [*told.value.reports[0].results] == ["clean"]
    assert "and is tried again" in capfd.readouterr().err
    (job,) = Jobs(Store.open(tmp_path / "s.db").engine).statuses(state="failed")
    for part in ("Traceback", "ZeroDivisionError", "session.run("):
        assert part in str(job.error)


def test_a_unit_that_recovers_is_scored(tmp_path, broken):
    attempts = broken("intrinsic", OSError("for now"), times=2)
    (report,) = score(tmp_path / "s.db", HERE, models=MODELS[:1])
    assert len(attempts) == 2
    assert report.results.keys() == {"clean", "intrinsic"}


def test_bad_input_is_not_tried_again(tmp_path, broken):
    attempts = broken("intrinsic", InputError("the model is \x1b[31mbroken"))
    with pytest.raises(UnitsFailedError, match=r"failed: the model is \\x1b\[31mbroken"):
        score(tmp_path / "s.db", HERE, models=MODELS[:1])
    assert len(attempts) == 1


def test_ctrl_c_says_what_remains_and_gives_the_unit_back(tmp_path, broken, capfd):
    broken("intrinsic", KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        score(tmp_path / "s.db", HERE, models=MODELS[:1])
    assert "1 of 2 units remains, about 0:0" in capfd.readouterr().err
    (job,) = Jobs(Store.open(tmp_path / "s.db").engine).statuses(state="queued")
    assert (job.attempts, job.owner) == (0, None)


def test_a_cancelled_unit_ends_soon_and_stores_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "interval", lambda *_: 0.01)

    run = Session.run

    def cancelled(*arguments, **options):
        jobs = Jobs(Store.open(tmp_path / "s.db").engine)
        jobs.cancel([status.number for status in jobs.statuses(state="running")])
        return run(*arguments, **options)

    monkeypatch.setattr(Session, "run", cancelled)
    with pytest.raises(UnitsFailedError, match="Clean was cancelled"):
        score(tmp_path / "s.db", HERE, ("clean",), MODELS[:1])
    assert Store.open(tmp_path / "s.db").entries() == []


def test_probes_of_a_model_share_work_as_in_one_evaluation(tmp_path):
    probes = ("clean", "input", "joint")
    battery, data = load_battery("digits-v1"), load_dataset("digits").head(8)
    whole = evaluate(load_model(MODELS[0]), data.images, data.labels, battery, probes)
    (report,) = score(tmp_path / "s.db", HERE, probes, MODELS[:1])
    assert report.scores == whole.scores
    passes = [
        sum(each.cost.forwards + each.cost.backwards for each in one.results.values())
        for one in (report, whole)
    ]
    assert passes[0] == passes[1]


def test_the_model_is_restored_when_a_run_has_ended(tmp_path, broken):
    model = load_model(MODELS[0]).train().requires_grad_(True)
    data = load_dataset("digits").head(8)
    run = Run(load_battery("digits-v1"), data, ["clean"])
    score_models([model], run, Store.open(tmp_path / "s.db"))
    assert model.training
    assert all(each.requires_grad for each in model.parameters())
    broken("intrinsic", ZeroDivisionError())
    again = replace(run, probes=["intrinsic"])
    with pytest.raises(UnitsFailedError):
        score_models([model], again, Store.open(tmp_path / "s.db"))
    assert model.training


def test_a_run_whose_jobs_are_deleted_ends(tmp_path, monkeypatch):
    claim = Jobs.claim

    def deleted(self, *arguments, **options):
        numbers = [status.number for status in self.statuses()]
        self.forget(numbers, states=("queued",))
        return claim(self, *arguments, **options)

    monkeypatch.setattr(Jobs, "claim", deleted)
    with pytest.raises(UnitsFailedError, match="Clean was cancelled"):
        score(tmp_path / "s.db", HERE, ("clean",), MODELS[:1])


def test_a_job_that_is_no_unit_fails_and_its_worker_goes_on(tmp_path):
    store = Store.open(tmp_path / "s.db")
    jobs = Jobs(store.engine)
    jobs.add([NewJob("a", "a\x1b[31m", {"y": 1}), NewJob("b", "b", {"x": "x" * 1_000_000})])
    worker = Worker(store, Materials())
    assert [worker.work() for _ in range(3)] == [True, True, False]
    assert {each.state for each in jobs.statuses()} == {"failed"}
    assert all(len(str(each.error).splitlines()[0]) < 200 for each in jobs.statuses())


@pytest.fixture
def planned(tmp_path):
    """Plans the probe clean for two models, and adds the jobs: plans, store, jobs and numbers."""

    def plan(*, loadable):
        battery, data = load_battery("digits-v1"), load_dataset("digits").head(8)
        run = Run(battery, data, ["clean"])
        if loadable:
            source = DataSource(dataset="digits", count=8)
            run = replace(run, data_source=source, battery_source="digits-v1")
        sources = [ModelSource(name=name, dataset="digits") for name in MODELS]
        store = Store.open(tmp_path / "s.db")
        models = [load_model(name) for name in MODELS]
        plans = plan_models(models, run, store, sources=sources if loadable else None)
        jobs = Jobs(store.engine)
        return plans, store, jobs, jobs.add(jobs_of(plans))

    return plan


def test_a_worker_leaves_units_to_the_process_that_alone_has_their_models(planned):
    _, store, jobs, numbers = planned(loadable=False)
    assert not Worker(store, Materials()).work()
    assert not jobs.any_open()
    assert jobs.claim("me", numbers=numbers.values()) is not None


def test_a_model_is_closed_before_the_next_one_is_loaded(planned, monkeypatch):
    _, store, _, _ = planned(loadable=True)
    worker, others = Worker(store, Materials()), []
    load = ModelSource.load

    def loaded(self):
        others.append(worker._in_process._sessions._last)
        return load(self)

    monkeypatch.setattr(ModelSource, "load", loaded)
    while worker.work():
        pass
    assert others == [None, None]


def test_a_failed_attempt_is_said_once(planned, capfd):
    plans, store, jobs, numbers = planned(loadable=True)
    with ModelLines([p.name for p in plans], [False, False]) as lines:
        watch = Watch(plans, numbers, store, jobs, lines)
        for reason in ("first", "second"):
            jobs.fail(jobs.claim("me"), reason)
            watch.all_ended()
            lease = jobs.claim("me")
            watch.all_ended()
            jobs.release(lease)
    said = capfd.readouterr().err
    assert [said.count(f"failed ({each})") for each in ("first", "second")] == [1, 1]


def test_flags_of_the_probe_itself_are_not_said_as_doubts_of_the_accuracy(
    tmp_path, monkeypatch, capfd
):
    run = Session.run
    flags = [
        Flag(name=name, title=name, raised=True, figure=1.0, saw=f"{name} raised", advice="Look.")
        for name in ("masked", "no_better_than_chance")
    ]

    def flagged(self, name, **options):
        return run(self, name, **options).model_copy(update={"flags": flags})

    monkeypatch.setattr(Session, "run", flagged)
    (report,) = score(tmp_path / "s.db", HERE, ("checks",), MODELS[:1])
    assert report.results["checks"].flags == flags
    said = capfd.readouterr().err
    assert "no_better_than_chance raised" in said
    assert "masked raised" not in said


def test_models_with_the_same_weights_and_other_answers_are_refused_together(tmp_path):
    one, two = load_model(MODELS[0]), load_model(MODELS[0])
    run = Run(load_battery("digits-v1"), load_dataset("digits").head(8), ["clean"])
    store = Store.open(tmp_path / "s.db")
    first, second = score_models([one, two], run, store)
    assert first.scores == second.scores
    kind = type(two.network)
    two.network.__class__ = type(kind.__name__, (kind,), {"forward": lambda *_: -kind.forward(*_)})
    assert one.fingerprint == two.fingerprint
    with pytest.raises(InputError, match="same weights and layers but give different answers"):
        score_models([one, two], replace(run, fresh=True), store)


@pytest.mark.parametrize("private", [False, True])
def test_no_image_of_private_examples_is_stored(planned, monkeypatch, private):
    plans, store, jobs, _ = planned(loadable=True)
    run, image = Session.run, Thumbnail.of("p", "an example", torch.zeros(1, 8, 8))

    def pictured(*arguments, **options):
        return run(*arguments, **options).model_copy(update={"thumbnails": [image]})

    monkeypatch.setattr(Session, "run", pictured)
    task = plans[0].tasks[0].model_copy(update={"private": private, "seed": 1})
    jobs.forget([status.number for status in jobs.statuses()], states=("queued",))
    jobs.add([NewJob("own", "own", task.model_dump(mode="json"))])
    assert Worker(store, Materials()).work()
    ((result,),) = [entry.results.values() for entry in store.entries()]
    assert result.thumbnails == ([] if private else [image])
