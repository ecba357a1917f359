"""Reports that are made up, so that no attack runs."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from leaderboard.store import Store
from nonsingular.report import Report
from tests.leaderboard import conftest as made_up
from tests.leaderboard import hostile


@pytest.fixture(scope="session")
def stored() -> Store:
    """The made-up zoo; only to be read."""
    store = Store.open(":memory:")
    made_up.fill(store)
    return store


@pytest.fixture(scope="session")
def report(stored: Store) -> Report:
    """A report with every kind of chart."""
    return Report.from_entry(stored.entries()[1])


@pytest.fixture(scope="session")
def hostile_reports() -> list[Report]:
    """Reports whose every text attempts to be more than a text."""
    store = Store.open(":memory:")
    hostile.fill(store, hostile.TEXTS)
    return [Report.from_entry(entry) for entry in store.entries()]


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """``without("pandas")``: as if the package were not installed."""

    def forget(package: str) -> None:
        monkeypatch.setitem(__import__("sys").modules, package, None)

    return forget
