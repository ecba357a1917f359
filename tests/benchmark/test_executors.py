"""Several evaluations at once give what one after the other gives, and end with who asked."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch
from torch import nn

from benchmark import load_battery, load_dataset
from benchmark.executors import Task, run_local
from benchmark.executors.processes import describe_exit
from models_zoo import InputError, load_model


class Record:
    def __init__(self):
        self.answers, self.shares = [], []

    def progressed(self, index, step):
        self.shares.append(step.share)

    def answered(self, index, provenance, result):
        self.answers.append((index, result.probe))


def tasks(probes=("clean", "intrinsic")):
    data = load_dataset("digits").head(8)
    battery = load_battery("digits-v1")
    return [
        Task(load_model(name), data.images, data.labels, battery, probes)
        for name in ("digits/mlp-standard", "digits/mlp-pgd-at")
    ]


def test_two_processes_give_the_same_as_one():
    alone, together = Record(), Record()
    one = run_local(tasks(), alone, jobs=1)
    two = run_local(tasks(), together, jobs=2)
    assert [report.scores for report in one] == [report.scores for report in two]
    assert sorted(alone.answers) == sorted(together.answers)
    assert together.shares.count(1) == 2


def test_what_is_known_is_not_asked_again():
    first = run_local(tasks(("clean",)), Record(), jobs=1)
    known = [
        Task(t.model, t.images, t.labels, t.battery, t.probes, known=report.results)
        for t, report in zip(tasks(("clean",)), first, strict=True)
    ]
    record = Record()
    again = run_local(known, record, jobs=2)
    assert record.answers == []
    assert [report.scores for report in again] == [report.scores for report in first]


def test_a_failure_in_a_process_is_raised_where_it_was_asked():
    first, second = tasks(("clean",))
    broken = Task(nn.Flatten(0), second.images, second.labels, second.battery, second.probes)
    with pytest.raises(InputError, match="logits"):
        run_local([first, broken], Record(), jobs=2)


class Kills(Record):
    """Ends the process that scores a task as soon as it is heard of; the others go on."""

    def __init__(self, victims, signal_number):
        super().__init__()
        self.victims, self.signal, self.killed = victims, signal_number, []

    def progressed(self, index, step):
        if index in self.victims and index not in self.killed:
            self.killed.append(index)
            (pid,) = [w.process.pid for w in self.workers() if w.item and w.item[0] == index]
            os.kill(pid, self.signal)

    @staticmethod
    def workers():
        frame: Any = sys._getframe()
        while "workers" not in frame.f_locals or frame.f_code.co_name != "run_apart":
            frame = frame.f_back
        return frame.f_locals["workers"]


def test_a_killed_process_is_reported_in_a_line_and_the_others_finish():
    listener = Kills({0}, signal.SIGBUS)
    three = [*tasks(), *tasks()[:1]]
    with pytest.raises(InputError) as told:
        run_local(three, listener, jobs=2)
    assert "model 'digits/mlp-standard' was killed by SIGBUS" in str(told.value)
    assert "2 of 3 models" in str(told.value)
    assert "resume" in str(told.value)
    assert {(1, "clean"), (1, "intrinsic"), (2, "clean"), (2, "intrinsic")} <= set(listener.answers)


def test_a_run_of_which_every_process_is_killed_ends_and_names_the_models():
    both = r"(?=.*mlp-standard)(?=.*mlp-pgd-at).*0 of 2 models"  # in the order of their deaths
    with pytest.raises(InputError, match=both):
        run_local(tasks(), Kills({0, 1}, signal.SIGKILL), jobs=2)


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


def test_threads_are_given_back():
    before = torch.get_num_threads()
    run_local(tasks(("clean",)), Record(), jobs=1)
    assert torch.get_num_threads() == before


class Ancestors(Record):
    """Notes what the process holds in memory that each worker was forked from."""

    def __init__(self):
        super().__init__()
        self.maps = {}

    def progressed(self, index, text):
        for worker in Kills.workers():
            parent = psutil.Process(worker.process.pid).ppid()
            self.maps[parent] = Path(f"/proc/{parent}/maps").read_text()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere each worker imports for itself")
def test_workers_are_forked_from_one_process_that_has_imported_pytorch():
    listener = Ancestors()
    run_local(tasks(("clean",)), listener, jobs=2)
    ((process, content),) = listener.maps.items()
    assert process != os.getpid()
    assert "libtorch" in content


@pytest.mark.skipif(sys.platform != "linux", reason="looks processes up in /proc")
def test_workers_end_when_the_run_is_killed(tmp_path):
    run = subprocess.Popen(
        [sys.executable, "-m", "leaderboard.cli", "bench", "digits/mlp-*", "--jobs", "2"],
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    assert run.stderr is not None
    assert b"Clean took" in run.stderr.readline()
    children = [child.pid for child in psutil.Process(run.pid).children(recursive=True)]
    assert len(children) >= 3, "two workers and what they were forked from"
    run.send_signal(signal.SIGKILL)
    run.wait()
    deadline = time.monotonic() + 20
    while any(map(alive, children)):
        assert time.monotonic() < deadline, "workers outlive their run"
        time.sleep(0.2)


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    with open(f"/proc/{pid}/stat") as stat:  # noqa: PTH123 - a zombie has ended
        return stat.read().rpartition(")")[2].split()[0] != "Z"
