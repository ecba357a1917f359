"""The tests of the store run on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from leaderboard.store import Store


@pytest.fixture
def store(new_database: Callable[[], str]) -> Iterator[Store]:
    """An empty store on each kind of database."""
    opened = Store.open(new_database())
    yield opened
    opened.engine.dispose()
