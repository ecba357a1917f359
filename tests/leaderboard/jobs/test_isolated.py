"""Units of models that others have submitted are computed in the sandbox, with the same scores."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import models_zoo
from benchmark import load_battery, load_dataset
from benchmark.datasets import root as root_module
from benchmark.probes.input.found import InputFound
from benchmark.results import Score
from benchmark.shards import Shard, ShardResult
from leaderboard.jobs import isolated
from leaderboard.jobs import worker as worker_module
from leaderboard.jobs.answer_message import from_message, to_message
from leaderboard.jobs.computing import Answer
from leaderboard.jobs.inside_sandbox import with_files
from leaderboard.jobs.isolated import files_of
from leaderboard.jobs.materials import Materials
from leaderboard.jobs.planning import jobs_of
from leaderboard.jobs.run import Run
from leaderboard.jobs.scoring import plan_models
from leaderboard.jobs.sources import DataSource, ModelSource
from leaderboard.jobs.worker import Worker
from leaderboard.pages.score_rows import cost_rows
from leaderboard.sandbox import SCORING, SandboxError, find_level
from leaderboard.sandbox.limits import MIB
from leaderboard.store import Store
from leaderboard.store.jobs import Jobs
from models_zoo import load_card
from tests.benchmark.short_input_attack import BATTERY_FILE

PROGRAMS = Path(__file__).parents[1] / "sandbox" / "programs"
NAME = "digits/mlp-standard"


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Both sides compute with the same number of threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def planned(folder, probes, *, submitted=True, battery="digits-v1"):
    """A store with the units of a checkpoint file, the input attack in shards, and their plan."""
    card = load_card(NAME)
    source = ModelSource(
        name="own/model",
        dataset="digits",
        file=Path(models_zoo.__file__).parent / "checkpoints" / f"{NAME}.safetensors",
        architecture=card.architecture,
        classes=card.classes,
        input_shape=card.input_shape,
        mean=list(card.mean),
        std=list(card.std),
    )
    run = Run(
        load_battery(battery),
        load_dataset("digits").head(8),
        probes,
        data_source=DataSource(dataset="digits", count=8),
        battery_source=battery,
    )
    store = Store.open(folder / "s.db")
    plans = plan_models([source.load()], run, store, sources=[source], submitted=submitted)
    tasks = [shard for task in plans[0].tasks for shard in task.shards(SHARDS[task.probe])]
    plan = replace(plans[0], tasks=tasks)
    Jobs(store.engine).add(jobs_of([plan]))
    return store, plan


SHARDS = {"clean": 1, "input": 2}


@pytest.fixture
def store(tmp_path):
    """A store with one submitted unit."""
    return planned(tmp_path, ["clean"])[0]


@pytest.fixture
def program(monkeypatch):
    """Has another function run in the sandbox in place of the evaluation."""
    monkeypatch.syspath_prepend(str(PROGRAMS))

    def choose(name):
        monkeypatch.setattr(isolated, "TARGET", f"sandbox_programs:{name}")

    return choose


class Silent:
    """Watches a worker, and does nothing."""

    def progressed(self, lease, share):
        """A share is done."""

    def answered(self, lease, result):
        """A unit is done."""

    def failed(self, lease, error, state):
        """An attempt has failed."""


def work(store, **options):
    worker = Worker(store, Materials(), **options)
    try:
        while worker.work():
            pass
    finally:
        worker.close()


def failure(store):
    (job,) = Jobs(store.engine).statuses(state="failed")
    return job.error


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """The same units computed in this process and in the sandbox: their entries."""
    entries = []
    for submitted in (False, True):
        folder = tmp_path_factory.mktemp("scored")
        battery = folder / "short.toml"
        battery.write_text(BATTERY_FILE + "[probes.clean]\n", "utf-8")
        store, _ = planned(folder, ["clean", "input"], submitted=submitted, battery=str(battery))
        work(store)
        assert {job.error for job in Jobs(store.engine).statuses()} == {None}
        entries += store.entries()
    return entries


def test_scores_from_the_sandbox_are_the_same_to_the_last_bit(both):
    outside, inside = both
    assert outside.results.keys() == inside.results.keys() == {"clean", "input"}
    for name, result in outside.results.items():
        assert inside.results[name] == result
        assert inside.results[name].cost.forwards == result.cost.forwards
    assert inside.card == outside.card


def test_the_level_of_isolation_is_stored_with_each_result(both):
    outside, inside = both
    assert {each.isolation for each in outside.provenances.values()} == {None}
    assert {each.isolation for each in inside.provenances.values()} == {find_level().value}
    for before, now in zip(outside.provenances.values(), inside.provenances.values(), strict=True):
        assert "isolation" not in before.model_dump()
        same = {"isolation": None, "created": before.created}
        assert now.model_copy(update=same) == before


def test_the_page_of_a_model_has_its_isolation(both):
    outside, inside = both
    assert str(cost_rows(outside)).count("<td>none</td>") == 2
    assert str(cost_rows(inside)).count(f"<td>{find_level().value}</td>") == 2


@pytest.mark.parametrize(
    ("name", "limits", "said"),
    [
        ("announce", {"seconds": 0.3}, "no answer within 0.3 s"),
        ("hang_as_unit", {"silence": 0.3}, "no sign of progress for 0.3 s"),
        ("allocate", {"memory": 256 * MIB}, "more than the 256 MiB of memory that it may use"),
        ("lie_as_unit", {}, "sent no usable result"),
    ],
)
def test_a_model_that_hangs_or_eats_memory_fails_its_unit_with_a_line(
    store, program, name, limits, said
):
    program(name)
    work(store, limits=replace(SCORING, **limits))
    assert said in failure(store)


def test_a_model_that_crashes_is_tried_again_and_its_last_words_are_kept(store, program):
    program("crash")
    work(store)
    error = failure(store)
    assert error.splitlines()[-1].startswith("the process in the sandbox was ended by signal 11")
    assert "first line" in error


def test_notes_of_the_sandbox_cannot_control_the_terminal(store, program, capfd):
    program("hang_as_unit")
    work(store, limits=replace(SCORING, seconds=0.5))
    assert "half \\x1b[31m of it" in capfd.readouterr().err


def test_a_unit_that_is_cancelled_ends_its_sandbox(store, program, monkeypatch):
    program("hang_as_unit")
    monkeypatch.setattr(worker_module, "interval", lambda *_: 0.01)
    worker = Worker(store, Materials())

    class Cancelling(Silent):
        def progressed(self, lease, share):
            assert share == 0.5
            worker.jobs.cancel([lease.number])

    worker.watcher = Cancelling()
    assert worker.work()
    assert worker._isolated.held is None
    assert worker._isolated._worker is None
    assert store.entries() == []


def test_ctrl_c_ends_the_sandbox_and_gives_the_unit_back(store, program):
    program("hang_as_unit")

    class Interrupting(Silent):
        def progressed(self, lease, share):
            raise KeyboardInterrupt

    worker = Worker(store, Materials(), watcher=Interrupting())
    with pytest.raises(KeyboardInterrupt):
        worker.work()
    assert worker._isolated._worker is None
    (job,) = Jobs(store.engine).statuses(state="queued")
    assert job.attempts == 0


def test_a_model_that_is_in_this_process_already_is_not_isolated(tmp_path, program):
    program("crash")
    store, plan = planned(tmp_path, ["clean"])
    model = plan.tasks[0].model.load()
    worker = Worker(store, Materials([model]))
    assert worker.work()
    (entry,) = store.entries()
    assert entry.provenances["clean"].isolation is None


def test_a_file_that_is_missing_leaves_the_unit_to_other_workers(tmp_path):
    store, plan = planned(tmp_path, ["clean"])
    task = plan.tasks[0]
    source = task.model.model_copy(update={"file": tmp_path / "gone.safetensors"})
    gone = task.model_copy(update={"model": source, "seed": 1})
    jobs = Jobs(store.engine)
    jobs.forget([each.number for each in jobs.statuses()], states=("queued",))
    jobs.add([replace(jobs_of([plan])[0], key="gone", payload=gone.model_dump(mode="json"))])
    worker = Worker(store, Materials(), choosy=True)
    assert worker.work()
    assert "gone.safetensors is not on this machine" in next(iter(worker.declined.values()))


@pytest.fixture(scope="module")
def answered(both, tmp_path_factory):
    """A unit, its battery and its answer."""
    _, plan = planned(tmp_path_factory.mktemp("again"), ["clean"])
    entry = both[0]
    answer = Answer(entry.card, entry.provenances["clean"], entry.results["clean"])
    return plan.tasks[0], load_battery("digits-v1"), answer


def test_an_answer_survives_its_message_with_infinities(answered):
    task, battery, answer = answered
    endless = Score(value=math.inf, n=8, low=-math.inf, high=math.nan)
    scores = answer.found.scores | {"endless": endless}
    result = answer.found.model_copy(update={"scores": scores})
    read = from_message(
        to_message(replace(answer, found=result)), task, battery, isolation="landlock"
    )
    assert read.found == result
    assert read.card == answer.card
    assert read.provenance.isolation == "landlock"


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("card", "name"), "another", "the card is of 'another'"),
        (("card", "dataset"), "x\u202e", "does not print"),
        (("examples",), 7, "no outcome for each of its 7 examples"),
        (("examples",), 10**12, "examples"),
        (("checkpoint_sha256",), "0" * 64, "another checkpoint"),
        (("content", "probe"), "input", "probe|outcome"),
        (("content", "scores"), {}, "lacks an outcome or a score"),
        (("content", "protocol"), {"text": "\0"}, "null character"),
        (("outcomes", "headline", "bits"), "AA==", "share of its outcomes"),
        (("outcomes", "headline", "n"), 9, "its outcomes are not those"),
        (("more",), 1, "Extra inputs"),
    ],
)
def test_a_message_that_was_forged_is_refused(answered, path, value, said):
    task, battery, answer = answered
    message = to_message(answer)
    place = message
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    with pytest.raises(SandboxError, match=said):
        from_message(
            *(message, task, battery),
            isolation="limits",
            checkpoint_sha256=answer.provenance.checkpoint_sha256,
        )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"shard": Shard(index=1, count=2)}, "not of that shard"),
        ({"examples": 5}, "5 of 8 examples"),
        ({"found": {"clean": "01x1"}}, "clean"),
        ({"probe": "clean"}, "of the probe 'clean'"),
    ],
)
def test_a_forged_shard_is_refused_before_it_is_kept(answered, forged, change, said):
    task, battery, answer = answered
    task = task.model_copy(update={"shard": Shard(index=0, count=2), "probe": "input"})
    message = to_message(replace(answer, found=forged))
    from_message(message, task, battery, isolation="limits")
    message = to_message(replace(answer, found=forged.model_copy(update=change)))
    with pytest.raises(SandboxError, match=said):
        from_message(message, task, battery, isolation="limits")


@pytest.fixture
def forged():
    """A shard of the input attack of which nothing is wrong but its numbers."""
    none = np.zeros(4, bool)
    found = InputFound(
        clean=~none,
        robust={"linf": []},
        along=none,
        freely=none,
        searches={},
        shown=[],
        flags=[],
    )
    return ShardResult(
        probe="input",
        shard=Shard(index=0, count=2),
        examples=4,
        found=found.model_dump(mode="json"),
    )


def test_inside_a_unit_has_the_files_that_the_sandbox_shows(answered):
    task, _, _ = answered
    files = {name: Path("/files", name) for name in ("model", "data", "battery")}
    seen = with_files(task, files)
    assert seen.model
    assert seen.data
    assert (seen.model.file, seen.data.file) == (files["model"], files["data"])
    assert seen.battery == str(files["battery"])
    assert seen.unit == task.unit


def test_a_unit_has_the_folder_of_data_sets_beside_a_file_of_examples(answered, tmp_path):
    """A probe may read more than the examples, such as published corrupted images."""
    task, _, _ = answered
    examples = tmp_path / "examples.npz"
    examples.touch()
    for root, given in ((tmp_path, True), (None, False), (tmp_path / "missing", False)):
        data = DataSource(dataset="digits", file=examples, data_root=root)
        files = files_of(task.model_copy(update={"data": data}), trust=False)
        assert files.get("data root") == (root if given else None)
        assert files["data"] == examples


def test_what_probes_read_is_in_the_folder_of_the_unit_that_runs(answered, tmp_path, monkeypatch):
    task, _, _ = answered
    monkeypatch.setattr(root_module, "_named", None)
    materials = Materials(data=load_dataset("digits").head(8))
    for root in (tmp_path / "one", None, Path("two")):
        data = DataSource(dataset="digits", count=8, data_root=root)
        materials.data(task.model_copy(update={"data": data, "folder": tmp_path}))
        expected = root_module.default_root() if root is None else tmp_path / root
        assert root_module.data_root() == expected
