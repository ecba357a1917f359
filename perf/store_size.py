"""The store with a thousand models: its size, and the queries behind the site and the commands.

Run ``python -m perf.store_size`` from the root of a checkout, with PostgreSQL installed. It writes
its section of ``docs/store.md``.
"""

from __future__ import annotations

import platform
import sqlite3
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import psutil
import typer
from sqlalchemy import Engine, text

from leaderboard.board.columns import headline_scores
from leaderboard.board.threats import offering_probes
from leaderboard.store import Store, Summary
from models_zoo.errors import InputError
from perf.command import console, run_command
from perf.local_servers import PostgresServer
from perf.page import line, write_section
from perf.records import cores, processor
from perf.synthetic_board import EXAMPLES, fill

TOOL = "store_size"
LIMIT = 1.0
"""Required of each query, in seconds."""

_ZOO = 40
"""Number of models that the findings read, about as many as come with the suite."""

_VIEW = "SELECT model, probe, score, value, low, high, n FROM leaderboard ORDER BY 1, 2, 3"

_BY_BUDGET = """
SELECT models.name, norm, eps, label, 1.0 * n_robust / n
FROM outcomes JOIN results ON results.id = result_id JOIN models USING (fingerprint)
WHERE battery = 'digits-v1' AND probe = 'input' AND role = 'budget'
ORDER BY norm, eps, 5 DESC
"""

Query = Callable[[Store, Sequence[Summary]], object]


def _rows(statement: str) -> Query:
    def read(store: Store, summaries: Sequence[Summary]) -> object:
        with store.engine.connect() as connection:
            return connection.execute(text(statement)).all()

    return read


QUERIES: Mapping[str, Query] = {
    "front page: summaries of all models": lambda store, summaries: store.summaries(
        headline_scores(store.batteries().values()), offering_probes()
    ),
    "page of a model: all of its results": lambda store, summaries: store.entries(
        fingerprints=[summaries[0].fingerprint]
    ),
    "compare page: all results of two models": lambda store, summaries: store.entries(
        fingerprints=[each.fingerprint for each in summaries[:2]]
    ),
    f"findings: all results of {_ZOO} models": lambda store, summaries: store.entries(
        fingerprints=[each.fingerprint for each in summaries[:_ZOO]]
    ),
    "contents of all batteries": lambda store, summaries: store.batteries(),
    "names of all models": lambda store, summaries: store.names(),
    "resume: stored results of a model": lambda store, summaries: store.results(*summaries[0].key),
    "the view `leaderboard` as a whole": _rows(_VIEW),
    "robust accuracy of all models by norm and budget": _rows(_BY_BUDGET),
}
"""What is measured: functions of the store and of all its summaries."""


@dataclass(frozen=True)
class Measured:
    """What was measured of a database.

    Attributes:
        megabytes: its size.
        results: number of results.
        vectors: number of rows with outcomes.
        outcomes: number of outcomes of single examples.
        seconds: processor time of each query, of this process and of the server.
    """

    megabytes: float
    results: int
    vectors: int
    outcomes: int
    seconds: dict[str, float]


def run(
    models: Annotated[int, typer.Option(min=_ZOO, help="Number of synthetic models.")] = 1000,
    repeats: Annotated[int, typer.Option(min=1, help="Number of times each query is run.")] = 5,
    page: Annotated[Path, typer.Option(help="Page whose section is replaced.")] = Path(
        "docs/store.md"
    ),
) -> None:
    """Fill a database of either kind with synthetic models, and measure queries and size."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        console.print(f"making up {models:,} models in an SQLite file")
        found = {"SQLite": measured(str(folder / "board.sqlite"), models, repeats)}
        with PostgresServer(folder / "server") as server:
            console.print("and on a PostgreSQL server")
            database = server.create("board")
            found["PostgreSQL"] = measured(database, models, repeats)
            write_section(page, TOOL, _section(models, repeats, found, _version(database)))
    slowest = {kind: max(each.seconds.values()) for kind, each in found.items()}
    console.print(
        f"{page}: slowest query " + ", ".join(f"{k} {v:.2f} s" for k, v in slowest.items())
    )
    if max(slowest.values()) > LIMIT:
        raise InputError(f"a query takes more than {LIMIT:g} s")


def measured(database: str, models: int, repeats: int = 1) -> Measured:
    """Fill an empty database, and measure it.

    Args:
        database: a new SQLite file, or the URL of a database without rows.
        models: number of models.
        repeats: number of times each query is run; the quickest counts.
    """
    fill(database, models)
    store = Store.open(database)
    try:
        with store.engine.begin() as connection:
            connection.execute(text("ANALYZE"))  # as a server does by itself after a while
        summaries = store.summaries(())
        seconds = {
            name: min(_processor_time(query, store, summaries) for _ in range(repeats))
            for name, query in QUERIES.items()
        }
        with store.engine.connect() as connection:
            results = connection.scalar(text("SELECT count(*) FROM results")) or 0
            counts = text("SELECT count(*), sum(n) FROM outcomes")
            vectors, outcomes = connection.execute(counts).one()
        return Measured(_size(store.engine), results, vectors, int(outcomes), seconds)
    finally:
        store.engine.dispose()


def _processor_time(query: Query, store: Store, summaries: Sequence[Summary]) -> float:
    """Processor time of a query: other programs on the machine change it less than wall time."""
    server = _backend(store.engine)
    before = time.process_time() + _used(server)
    query(store, summaries)
    return time.process_time() + _used(server) - before


def _backend(engine: Engine) -> psutil.Process | None:
    """The server's process for the one connection that this process has."""
    if engine.dialect.name == "sqlite":
        return None
    with engine.connect() as connection:
        return psutil.Process(connection.scalar(text("SELECT pg_backend_pid()")))


def _used(process: psutil.Process | None) -> float:
    if process is None:
        return 0.0
    times = process.cpu_times()
    return float(times.user + times.system)


def _size(engine: Engine) -> float:
    """Megabytes, with what has not been moved out of the write-ahead log."""
    with engine.connect() as connection:
        if engine.dialect.name != "sqlite":
            size = text("SELECT pg_database_size(current_database())")
            return float(connection.scalar(size) or 0) / 1e6
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar() or 0
        return float(pages * (connection.exec_driver_sql("PRAGMA page_size").scalar() or 0)) / 1e6


def _version(database: str) -> str:
    store = Store.open(database)
    with store.engine.connect() as connection:
        found = str(connection.scalar(text("SHOW server_version"))).split()[0]
    store.engine.dispose()
    return found


def _section(models: int, repeats: int, found: Mapping[str, Measured], server: str) -> str:
    first = next(iter(found.values()))
    packages = ", ".join(f"{name} {version(name)}" for name in ("sqlalchemy", "psycopg"))
    heads = [f"{kind}, {each.megabytes:,.0f} MB" for kind, each in found.items()]
    rows = [
        line([name, *(_shown(each.seconds[name]) for each in found.values())]) for name in QUERIES
    ]
    return "\n".join(
        [
            f"{models:,} synthetic models on {EXAMPLES} examples each, as the digits battery "
            f"scores them: {first.results:,} results with {first.vectors:,} outcomes, which are "
            f"{first.outcomes / 1e6:,.1f} million outcomes of single examples; without curves and "
            f"images. Processor time of the command and of the server, the least of {repeats}. "
            f"{processor('cpu')}, {cores()} cores; Python {platform.python_version()}, {packages}, "
            f"SQLite {sqlite3.sqlite_version}, PostgreSQL {server}; {datetime.now(UTC):%Y-%m-%d}.",
            "",
            line(["", *heads]),
            line(["---", *(["---:"] * len(heads))]),
            *rows,
            "",
        ]
    )


def _shown(seconds: float) -> str:
    return f"{1000 * seconds:,.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def main() -> None:
    """Run the command line."""
    run_command(run)


if __name__ == "__main__":
    main()
