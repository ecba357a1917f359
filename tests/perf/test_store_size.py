"""The queries behind the site, in small: their number does not grow with the number of models."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine, event

from leaderboard.store import Store
from perf.store_size import QUERIES, _section, measured

RESULTS, VECTORS, EXAMPLES = 12, 21, 600
"""Of each synthetic model."""


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request, tmp_path):
    """The address of a database without rows."""
    if request.param == "sqlite":
        yield str(tmp_path / "board.sqlite")
    else:
        with request.getfixturevalue("databases").empty() as url:
            yield url


def statements(store, query, summaries):
    """The statements of a query."""
    asked = []

    def note(*arguments):
        asked.append(arguments[2])

    event.listen(Engine, "before_cursor_execute", note)
    try:
        query(store, summaries)
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    return asked


def test_queries_take_as_many_statements_for_one_model_as_for_several(database):
    found = measured(database, 4)
    assert (found.results, found.vectors) == (4 * RESULTS, 4 * VECTORS)
    assert found.outcomes == 4 * VECTORS * EXAMPLES
    assert found.seconds.keys() == QUERIES.keys()
    assert 0.05 < found.megabytes < 50
    store = Store.open(database, to_read=True)
    summaries = store.summaries(())
    for name, query in QUERIES.items():
        of_several = statements(store, query, summaries)
        assert 1 <= len(of_several) < 15, name
        assert len(statements(store, query, summaries[:1])) == len(of_several), name
    text = _section(4, 1, {"SQLite": found, "PostgreSQL": found}, "15")
    assert "4 synthetic models" in text
    assert all(f"| {name} |" in text for name in QUERIES)
    store.engine.dispose()
