"""Levels of the sandbox, and a way to run a test's program in one."""

from __future__ import annotations

from pathlib import Path

import pytest

from leaderboard.sandbox import Level, Limits, run_sandboxed
from leaderboard.sandbox.level import why_not
from leaderboard.sandbox.limits import MIB
from tests.missing import missing

PROGRAMS = Path(__file__).parent / "programs"

SMALL = Limits(memory=256 * MIB, seconds=20.0, file_size=MIB, line=4096, answer=MIB)


@pytest.fixture(autouse=True)
def programs(monkeypatch):
    """The folder of the programs is searched for modules."""
    monkeypatch.syspath_prepend(str(PROGRAMS))


def available(level):
    """Skip a test, or fail it, where this machine does not have a level."""
    if (reason := why_not(level)) is not None:
        if level == Level.BUBBLEWRAP:
            missing("bubblewrap", f"no sandbox with bubblewrap: {reason}")
        missing("landlock", f"no sandbox with Landlock: {reason}")
    return level


@pytest.fixture(params=sorted(Level, reverse=True), ids=str)
def level(request):
    """Each level."""
    return available(request.param)


@pytest.fixture(params=sorted(Level, reverse=True)[:2], ids=str)
def isolating(request):
    """The levels that isolate files, the network and other processes."""
    return available(request.param)


@pytest.fixture
def run(tmp_path):
    """Runs a program of :mod:`sandbox_programs`, with a file."""
    file = tmp_path / "a file's name.txt"
    file.write_text("content", "utf-8")

    def run_it(name, level, limits=SMALL, on_line=None, **request):
        return run_sandboxed(
            f"sandbox_programs:{name}",
            request,
            files={"file": file},
            limits=limits,
            level=level,
            on_line=on_line,
        )

    return run_it
