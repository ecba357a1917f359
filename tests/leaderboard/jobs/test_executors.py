"""A run gives the same wherever its units run, and loses nothing with the processes that die."""

import os
import re
import signal
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
import torch
from sqlalchemy import create_engine

from benchmark import load_battery, load_dataset
from leaderboard.jobs.executors.processes import Processes, describe_exit
from leaderboard.jobs.executors.ray_cluster import RayCluster
from leaderboard.jobs.executors.ray_cluster import _Started as Started
from leaderboard.jobs.owner import is_gone, owner_of
from leaderboard.jobs.run import Run
from leaderboard.jobs.scoring import UnitsFailedError, Where, score_models
from leaderboard.jobs.sources import DataSource, ModelSource
from leaderboard.store import Store
from leaderboard.store.jobs import Jobs
from models_zoo import InputError, load_model

MODELS = ("digits/mlp-standard", "digits/mlp-pgd-at")


def score(path, where=None, probes=("clean", "intrinsic"), models=MODELS, **options):
    battery, data = load_battery("digits-v1"), load_dataset("digits").head(8)
    source = DataSource(dataset="digits", count=8)
    run = Run(battery, data, probes, data_source=source, battery_source="digits-v1", **options)
    sources = [ModelSource(name=name, dataset="digits") for name in models]
    store = Store.open(path)
    return score_models(
        [load_model(name) for name in models], run, store, sources=sources, where=where
    )


def said(reports):
    return [
        {name: (result.scores, result.outcomes.keys()) for name, result in report.results.items()}
        for report in reports
    ]


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """Reports of one process, and everything that it stored."""
    path = tmp_path_factory.mktemp("alone") / "s.db"
    return said(score(path, Where(workers=1, threads=1))), path


def same_bits(path, other):
    one, two = (
        sorted(Store.open(each).entries(), key=lambda entry: entry.provenance.fingerprint)
        for each in (path, other)
    )
    assert [e.provenance.fingerprint for e in one] == [e.provenance.fingerprint for e in two]
    for first, second in zip(one, two, strict=True):
        assert first.results.keys() == second.results.keys()
        for name, result in first.results.items():
            again = second.results[name]
            assert result.scores == again.scores
            assert result.outcomes.keys() == again.outcomes.keys()
            for key, outcome in result.outcomes.items():
                assert (outcome == again.outcomes[key]).all()


def test_two_processes_give_the_same_as_one(new_database, alone):
    database = new_database()
    assert said(score(database, Where(workers=2, threads=1))) == alone[0]
    same_bits(database, alone[1])


def test_scoring_imports_no_library_of_models_or_data_sets(forks):
    """They take longer to import than the rest; every worker would."""
    code = (
        "import sys, leaderboard.jobs.request, leaderboard.jobs.scoring\n"
        "print({'torchvision', 'timm', 'sympy', 'torch._dynamo'} & sys.modules.keys())"
    )
    found = forks.run(code=code)
    assert (found.stdout, found.stderr) == ("set()\n", "")


def test_what_is_stored_is_not_computed_again_and_nothing_is_left_in_the_queue(tmp_path, capfd):
    first = score(tmp_path / "s.db", Where(workers=1))
    capfd.readouterr()
    assert said(score(tmp_path / "s.db", Where(workers=2))) == said(first)
    assert "took" not in capfd.readouterr().err
    assert Jobs(Store.open(tmp_path / "s.db").engine).statuses() == []


@pytest.fixture(scope="module")
def two_nodes():
    """A Ray cluster of two nodes on this machine, with one CPU each."""
    pytest.importorskip("ray")
    import tempfile

    from ray._private.utils import get_ray_address_file
    from ray.cluster_utils import Cluster

    # A cluster writes its address where the first head without a folder of its own makes a folder.
    Path(get_ray_address_file(None)).parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="r", dir="/tmp") as folder:
        node = {"num_cpus": 1, "object_store_memory": 80 * 2**20}
        cluster = Cluster()
        cluster.add_node(**node, temp_dir=folder, include_dashboard=False)
        cluster.add_node(**node)
        yield cluster
        cluster.shutdown()


@pytest.mark.long
@pytest.mark.parametrize("new_database", ["postgresql"], indirect=True)
def test_two_ray_nodes_give_the_same_as_one_process(new_database, alone, two_nodes):
    database = new_database()
    where = Where("ray", workers=2, address=two_nodes.address)
    assert said(score(database, where)) == alone[0]
    same_bits(database, alone[1])


class Kills(Processes):
    """Kills each worker once it has taken a unit, as often as it is told."""

    times, number = 1, signal.SIGKILL

    def advance(self):
        for owner in self._jobs.owners():
            if Kills.times and any(each.owner == owner for each in self._running):
                Kills.times -= 1
                (each,) = [each for each in self._running if each.owner == owner]
                os.kill(each.process.pid or 0, Kills.number)
        super().advance()


def test_the_unit_of_a_killed_process_is_taken_again(tmp_path, alone, monkeypatch, capfd):
    monkeypatch.setattr("leaderboard.jobs.scoring.Processes", Kills)
    monkeypatch.setattr(Kills, "times", 1)
    assert said(score(tmp_path / "s.db", Where(workers=2, threads=1))) == alone[0]
    assert "was killed by SIGKILL" in capfd.readouterr().err
    same_bits(tmp_path / "s.db", alone[1])


def test_what_kills_its_worker_twice_fails_in_a_line_and_can_be_resumed(
    tmp_path, alone, monkeypatch
):
    monkeypatch.setattr("leaderboard.jobs.scoring.Processes", Kills)
    monkeypatch.setattr(Kills, "times", 2)
    monkeypatch.setattr(Kills, "number", signal.SIGBUS)
    with pytest.raises(UnitsFailedError) as told:
        score(tmp_path / "s.db", Where(workers=2, threads=1), ("intrinsic",), MODELS[:1])
    assert "digits/mlp-standard: Intrinsic robustness failed in 2 attempts" in str(told.value)
    assert "was killed by SIGBUS (a file it read from shrank, or a disk is full)" in str(told.value)
    assert "0 of 1 units are stored" in str(told.value)
    assert said(score(tmp_path / "s.db", Where(workers=2, threads=1))) == alone[0]


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (None, "stopped answering"),
        (0, "ended with exit code 0"),
        (1, "ended with exit code 1"),
        (3, "ended with exit code 3"),
        (137, "ended with exit code 137"),
        (-signal.SIGKILL, "was killed by SIGKILL (often because memory ran out)"),
        (-signal.SIGBUS, "was killed by SIGBUS (a file it read from shrank, or a disk is full)"),
        (-signal.SIGSEGV, "was killed by SIGSEGV"),
        (-signal.SIGABRT, "was killed by SIGABRT"),
        (-signal.SIGFPE, "was killed by SIGFPE"),
        (-250, "was killed by signal 250"),
    ],
)
def test_how_a_process_ended_is_said_in_words(code, said):
    class Ended:
        exitcode = code

    assert describe_exit(Ended()) == said


def test_threads_do_not_depend_on_what_is_left(tmp_path, monkeypatch):
    found = []

    class Asked(Processes):
        def __enter__(self):
            found.append((self._workers, self._threads))
            raise InputError("enough")

    monkeypatch.setattr("leaderboard.jobs.scoring.Processes", Asked)
    monkeypatch.setattr("leaderboard.jobs.executors.executor.cores", lambda: 8)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 8)
    for probes in (("clean", "intrinsic"), ("clean",)):
        with pytest.raises(InputError, match="enough"):
            score(tmp_path / "s.db", Where(workers=4), probes, MODELS[:1])
    assert found == [(2, 2), (1, 2)]


def test_a_database_in_memory_is_used_by_this_process_alone(capfd):
    for name in ("clean", "intrinsic"):
        score(":memory:", None, (name,))
    assert "Traceback" not in capfd.readouterr().err
    for where in (Where(workers=2), Where("ray")):
        with pytest.raises(InputError, match="in memory cannot be shared"):
            score(":memory:", where)
    named_after_its_user = create_engine("postgresql+psycopg://user@host")
    assert not Store(named_after_its_user).in_memory, "its leases have to be extended"


def test_ray_workers_that_cannot_start_end_the_run(tmp_path, monkeypatch):
    class ActorError(Exception):
        pass

    class Ray:
        exceptions = SimpleNamespace(RayActorError=ActorError, RayTaskError=KeyError)

        def get(self, answer):
            raise ActorError("no module named 'leaderboard'")

    cluster = RayCluster(None, "x.db", Jobs(Store.open(tmp_path / "s.db").engine), [1])
    cluster._ray = Ray()
    monkeypatch.setattr(cluster, "_start", lambda: Started(None, "its name"))
    cluster._running = [cluster._start()]
    for _ in range(2):
        cluster._answered(cluster._running[0])
    with pytest.raises(InputError, match="die before they take any work: no module named"):
        cluster._answered(cluster._running[0])


def test_threads_are_given_back(tmp_path):
    before = torch.get_num_threads()
    score(tmp_path / "s.db", Where(workers=1, threads=3), ("clean",), MODELS[:1])
    assert torch.get_num_threads() == before


class Ancestors(Processes):
    """Notes what the process holds in memory that each worker was forked from."""

    maps: dict[int, str] = {}  # noqa: RUF012 - read by the test
    blocked = ""

    def _start(self):
        # Not later: the workers may have ended before the first look at them.
        started = super()._start()
        parent = psutil.Process(started.process.pid).ppid()
        self.maps[parent] = Path(f"/proc/{parent}/maps").read_text()
        status = Path(f"/proc/{parent}/status").read_text()
        (Ancestors.blocked,) = re.findall(r"SigBlk:\s*(\w+)", status)
        return started


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere each worker imports for itself")
def test_workers_are_forked_from_one_process_that_has_imported_pytorch(tmp_path, monkeypatch):
    monkeypatch.setattr("leaderboard.jobs.scoring.Processes", Ancestors)
    score(tmp_path / "s.db", Where(workers=2), ("clean",))
    ((process, content),) = Ancestors.maps.items()
    assert process != os.getpid()
    assert "libtorch" in content
    assert int(Ancestors.blocked, 16) & 1 << signal.SIGINT - 1, "Ctrl-C while it imports"


@pytest.mark.skipif(sys.platform != "linux", reason="looks processes up in /proc")
def test_workers_end_when_the_run_is_killed_and_their_units_are_free_at_once(forks, tmp_path):
    run = forks.start("bench", *MODELS, "--workers", "2", folder=tmp_path)
    while "Clean took" not in run.err.read_text("utf-8"):
        assert run.poll() is None, "it ended before its first result"
        time.sleep(0.05)
    children = [child.pid for child in psutil.Process(run.pid).children(recursive=True)]
    assert len(children) >= 3, "two workers and what they were forked from"
    owners = [owner_of(pid) for pid in children]
    assert not any(map(is_gone, owners))
    run.kill()
    deadline = time.monotonic() + 20
    while not all(map(is_gone, owners)):
        assert time.monotonic() < deadline, "workers outlive their run"
        time.sleep(0.2)


def test_a_process_of_another_machine_is_not_taken_for_one_that_has_ended():
    place, number, started = owner_of().split(" ")
    assert not is_gone(owner_of())
    assert not is_gone(f"elsewhere {number} {started}")
    assert is_gone(f"{place} {number} 1"), "the number was given to another process"
    assert is_gone(f"{place} {2**22 + 1} {started}")
    assert not is_gone("unreadable")
