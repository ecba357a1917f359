"""``nonsingular worker``: take jobs from a database and run them."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer

from leaderboard.commands.options import DATABASE, Database
from leaderboard.terminal.output import say

SANDBOX_MEMORY = 16.0
"""GiB."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(worker)


def worker(
    database: Database = DATABASE,
    threads: Annotated[
        int, typer.Option(min=1, help="CPU threads of this worker; start one per share of cores.")
    ] = 1,
    workers: Annotated[
        int,
        typer.Option(
            min=1, help="About how many workers share the database: with many, each is heard less."
        ),
    ] = 1,
    drain: Annotated[
        bool, typer.Option("--drain", help="Stop when no job waits or runs, instead of waiting.")
    ] = False,
    trust: Annotated[
        bool,
        typer.Option("--trust", help="Run jobs whose model executes code when it is loaded."),
    ] = False,
    sandbox: Annotated[
        bool,
        typer.Option(
            "--sandbox", help="Isolate all models, not only those that were submitted by others."
        ),
    ] = False,
    memory: Annotated[
        float,
        typer.Option(min=1, help="GiB of memory that an isolated model may use."),
    ] = SANDBOX_MEMORY,
) -> None:
    """Take jobs that ``nonsingular bench --executor queue`` has added, and store their results.

    Any number of workers on any number of machines can share a PostgreSQL database; workers on one
    machine can share an SQLite file. One that is killed loses nothing: another takes its job.

    Jobs of models that were submitted by others run in a sandbox: ``nonsingular doctor`` says how
    well this machine can isolate them.
    """
    from benchmark.threads import compute_with
    from leaderboard.jobs.materials import Materials
    from leaderboard.jobs.serving import WorkerLines, serve
    from leaderboard.jobs.worker import Worker
    from leaderboard.sandbox import SCORING
    from leaderboard.sandbox.limits import GIB
    from leaderboard.store import Store

    compute_with(threads)
    store = Store.open(database)
    lines = WorkerLines()
    materials = Materials(trust=trust)
    worker_of = Worker(
        *(store, materials),
        watcher=lines,
        workers=workers,
        choosy=True,
        sandbox=sandbox,
        limits=replace(SCORING, memory=int(memory * GIB)),
    )
    try:
        serve(worker_of, drain=drain)
    finally:
        worker_of.close()
        say(lines.summary)
