"""Which level a machine has is found out by trying."""

from __future__ import annotations

import os
import stat

import pytest

from leaderboard.sandbox import Level, find_level
from leaderboard.sandbox import level as module
from leaderboard.sandbox.level import VARIABLE, why_not
from models_zoo.errors import InputError


@pytest.fixture(autouse=True)
def forgotten(monkeypatch):
    """Nothing was tried yet in this process."""
    monkeypatch.setattr(module, "_found", {})
    monkeypatch.delenv(VARIABLE, raising=False)


def test_levels_are_ordered_by_how_well_they_isolate():
    assert Level.LIMITS < Level.LANDLOCK < Level.BUBBLEWRAP
    assert max(Level) == Level.BUBBLEWRAP
    assert Level.BUBBLEWRAP >= "landlock"
    assert all(len(each.description) > 40 for each in Level)


def test_a_bubblewrap_that_may_not_make_namespaces_counts_as_missing(tmp_path, monkeypatch):
    program = tmp_path / "bwrap"
    program.write_text(
        "#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2\nexit 1\n"
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert why_not(Level.BUBBLEWRAP) == "bwrap: No permissions to create new namespace"
    assert find_level() < Level.BUBBLEWRAP


def test_without_the_program_there_is_no_bubblewrap(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert why_not(Level.BUBBLEWRAP) == "bubblewrap is not installed"


def test_a_kernel_without_landlock_or_filters_leaves_the_limits(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(module, "_found", {Level.LANDLOCK: "Function not implemented"})
    assert find_level() == Level.LIMITS


def test_a_lower_level_can_be_asked_for_but_not_another(monkeypatch):
    monkeypatch.setenv(VARIABLE, "limits")
    assert find_level() == Level.LIMITS
    monkeypatch.setenv(VARIABLE, "bubble")
    with pytest.raises(InputError, match=f"unknown level in {VARIABLE} 'bubble'"):
        find_level()


def test_each_level_is_tried_once(monkeypatch):
    from leaderboard.sandbox import trial

    tried: list[Level] = []
    monkeypatch.setattr(trial, "try_level", tried.append)
    for _ in range(2):
        assert find_level() == Level.BUBBLEWRAP
    assert tried == [Level.BUBBLEWRAP]
