"""What a program in the sandbox may use, and what becomes of one that wants more."""

from __future__ import annotations

import tempfile
import time
from dataclasses import replace
from pathlib import Path

import pytest

from leaderboard.sandbox import (
    Crashed,
    Failed,
    Level,
    Limits,
    OutOfMemory,
    OutOfTime,
    TooMuchOutput,
)
from leaderboard.sandbox.limits import GIB, MIB
from leaderboard.sandbox.watch import Process, descendants
from tests.leaderboard.sandbox.conftest import SMALL


@pytest.fixture(autouse=True)
def nothing_left(monkeypatch, tmp_path):
    """No process and no folder is left of a child, however it ended."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    marked = _processes()
    yield
    assert not list(tmp_path.glob("nonsingular-*"))
    deadline = time.monotonic() + 5
    while left := _processes() - marked:
        assert time.monotonic() < deadline, left
        time.sleep(0.02)


def _processes() -> set[tuple[int, bytes]]:
    """Processes that run our code in a sandbox, by what they were started with."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes()
        except OSError:
            continue
        if b"leaderboard.sandbox.inside" in line and str(Path(__file__).parent).encode() in line:
            found.add((int(path.parent.name), line))
    return found


def test_private_memory_is_refused_beyond_the_limit(level, run):
    with pytest.raises(OutOfMemory, match="more than the 256 MiB of memory that it may use"):
        run("allocate", level, kind="private", bytes=GIB)


def test_shared_memory_counts_as_well(level, run):
    with pytest.raises(OutOfMemory, match="256 MiB"):
        run("allocate", level, replace(SMALL, seconds=60), kind="shared", bytes=GIB)


def test_a_program_that_keeps_to_the_limit_is_answered(level, run):
    assert run("allocate", level, kind="private", bytes=100 * MIB) == {"length": 100 * MIB}


def test_a_file_cannot_be_larger_than_allowed(level, run):
    found = run("large_file", level, files=1, bytes=2 * MIB)
    assert found["found"] == ["OSError"]
    assert found["there"] <= MIB


def test_files_together_cannot_be_larger_than_allowed(level, run):
    if level == Level.BUBBLEWRAP:  # the folder is a file system of that size
        assert run("large_file", level, files=20, bytes=MIB // 2)["there"] <= MIB
    else:
        with pytest.raises(TooMuchOutput, match="more than 1,048,576 bytes of temporary files"):
            run("large_file", level, files=20, bytes=MIB // 2, seconds=600)


@pytest.mark.parametrize("idle", [True, False])
def test_a_program_that_runs_for_too_long_is_ended(level, run, idle):
    begun = time.monotonic()
    with pytest.raises(OutOfTime, match=r"no answer within 0\.3 s"):
        run("run_long", level, replace(SMALL, seconds=0.3), idle=idle, seconds=600)
    assert time.monotonic() - begun < 30


def test_one_that_says_nothing_is_ended_sooner(run):
    limits = replace(SMALL, silence=0.2)
    with pytest.raises(OutOfTime, match=r"no sign of progress for 0\.2 s"):
        run("run_long", Level.LIMITS, limits, idle=True, seconds=600)


def test_processes_that_start_processes_are_all_ended(level, run):
    limits = replace(SMALL, processes=8, memory=GIB)
    with pytest.raises(OutOfMemory, match="more than the 8 processes that it may start"):
        run("fork_without_end", level, limits)


def test_threads_without_end_are_ended(level, run):
    with pytest.raises((OutOfMemory, Failed), match=r"threads that it may|can't start new thread"):
        run("threads", level, replace(SMALL, memory=GIB, threads=20))


@pytest.mark.parametrize(
    ("program", "request_"),
    [
        ("shout", {"characters": 10_000}),
        ("answer_with", {}),
        ("answer_with", {"depth": 200}),
        ("speak", {"text": "no JSON\n"}),
        ("speak", {"text": '{"answer": {}, "line": {}}\n'}),
        ("speak", {"text": "x" * 100_000, "times": 30}),
        ("speak", {"text": '{"answer": ' + "[" * 5000 + "\n"}),
        ("speak", {"text": '{"answer": {"n": ' + "9" * 5000 + "}}\n"}),
        ("speak", {"text": '{"answer": {}}\n{"answer": {}}\n'}),
    ],
)
def test_what_is_no_answer_ends_the_program(run, program, request_):
    with pytest.raises(TooMuchOutput):
        run(program, Level.LIMITS, **request_)


def test_a_program_that_prints_without_end_is_ended(run):
    with pytest.raises(TooMuchOutput, match="printed more than 2,097,152 bytes"):
        run("print_without_end", Level.LIMITS)


def test_a_program_that_crashes_is_told_with_its_last_words(level, run):
    with pytest.raises(Crashed, match="signal 11") as told:
        run("crash", level)
    assert told.value.signal == 11
    assert told.value.stderr.endswith("last \x1b[31mwords\n")
    assert "\x1b" not in str(told.value)
    with pytest.raises(Crashed, match="exit code 3") as told:
        run("crash", level, exit=3)
    assert told.value.code == 3


def test_a_program_that_closes_its_streams_is_ended(level, run):
    with pytest.raises((TooMuchOutput, OutOfTime)):
        run("outlive", level, replace(SMALL, seconds=1))


def test_a_process_is_not_taken_for_a_later_one_with_its_number():
    init = Process(1, -5)
    assert init not in descendants(2**22 + 1, {init})
    assert 1 not in {each.pid for each in descendants(2**22 + 1, {init})}


def test_the_limit_is_said_in_units_for_people():
    texts = [Limits(memory=each, seconds=1).memory_text for each in (2 * GIB, 256 * MIB)]
    assert texts == ["2 GiB", "256 MiB"]
