"""Test processes can be made to collect in turn, as continuous integration asks them to."""

from __future__ import annotations

import fcntl
from pathlib import Path

import pytest

from tests import conftest


def _free() -> bool:
    """Whether another process would begin to collect now."""
    with Path(conftest.__file__).open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


def test_no_other_process_collects_meanwhile(monkeypatch):
    monkeypatch.setenv("NONSINGULAR_COLLECT", "in turn")
    with conftest.in_turn():
        assert not _free()
    assert _free()


def test_a_failed_collection_lets_the_next_begin(monkeypatch):
    monkeypatch.setenv("NONSINGULAR_COLLECT", "in turn")
    with pytest.raises(ZeroDivisionError), conftest.in_turn():
        raise ZeroDivisionError
    assert _free()


def test_without_being_asked_they_collect_at_once(monkeypatch):
    monkeypatch.delenv("NONSINGULAR_COLLECT", raising=False)
    with conftest.in_turn():
        assert _free()
