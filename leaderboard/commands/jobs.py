"""``nonsingular jobs``: what waits, runs and failed; retry, cancel."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from leaderboard.commands.options import DATABASE, Database
from leaderboard.terminal.output import console, say
from models_zoo.display import label, printable, shown
from models_zoo.errors import InputError, unknown_name

if TYPE_CHECKING:
    from leaderboard.store.job import JobStatus

_SHOWN = 40
"""Number of jobs in the table; --json has all."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(jobs)


def jobs(
    database: Database = DATABASE,
    state: Annotated[
        str | None,
        typer.Option(help="Only 'queued', 'running', 'done', 'failed' or 'cancelled' jobs."),
    ] = None,
    show: Annotated[int | None, typer.Option(help="Why job N failed, with its traceback.")] = None,
    retry: Annotated[
        list[str] | None,
        typer.Option(help="Let job N wait again; 'failed' or 'cancelled' for all; repeatable."),
    ] = None,
    cancel: Annotated[
        list[str] | None,
        typer.Option(help="Cancel job N; 'queued' or 'running' for all; repeatable."),
    ] = None,
    clear: Annotated[
        bool, typer.Option("--clear", help="Delete the jobs that are done; results stay.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print all jobs as JSON.")] = False,
) -> None:
    """Show the jobs of a database: what waits, what runs where, what failed and why."""
    from leaderboard.store import Store
    from leaderboard.store.job import STATES
    from leaderboard.store.jobs import Jobs

    if state is not None and state not in STATES:
        raise unknown_name("state", state, STATES)
    changes = bool(retry or cancel or clear)
    of = Jobs(Store.open(database, to_read=not changes).engine)
    if show is not None:
        _print_error(_one(of.statuses([show]), show))
        return
    if retry:
        count = of.retry(_numbers(of.statuses(), retry))
        say(f"{_jobs(count)} {'waits' if count == 1 else 'wait'} again")
    if cancel:
        say(f"{_jobs(of.cancel(_numbers(of.statuses(), cancel)))} cancelled")
    if clear:
        done = [each.number for each in of.statuses(state="done")]
        of.forget(done)
        say(f"{_jobs(len(done))} deleted")
    if changes:
        return
    found = [each for each in of.statuses() if state is None or each.state == state]
    if as_json:
        say(json.dumps([asdict(each) for each in found], indent=1))
    else:
        _print(found)


def _jobs(count: int) -> str:
    return f"{count:,} {'job' if count == 1 else 'jobs'}"


def _numbers(known: list[JobStatus], asked: list[str]) -> list[int]:
    """The numbers of jobs by their numbers or states.

    Raises:
        InputError: there is no such job.
    """
    from leaderboard.store.job import STATES

    numbers = []
    for text in asked:
        found = [each.number for each in known if text in (str(each.number), each.state)]
        if not found and text not in STATES:
            raise InputError(f"no job is {shown(text)}; nonsingular jobs lists them")
        numbers += found
    return numbers


def _one(found: list[JobStatus], number: int) -> JobStatus:
    if not found:
        raise InputError(f"there is no job {number}; nonsingular jobs lists them")
    return found[0]


def _print_error(status: JobStatus) -> None:
    say(printable(f"{status.number} {status.title}: {status.state}"))
    for line in (status.error or "").splitlines():
        say(printable(line))


def _print(found: list[JobStatus]) -> None:
    from rich.table import Table

    from leaderboard.store.job import last_line
    from leaderboard.terminal.model_lines import clock_time

    if not found:
        say("no jobs")
        return
    table = Table(box=None, pad_edge=False)
    for heading, right in (
        *(("job", True), ("state", False), ("what", False), ("done", True), ("tries", True)),
        *(("estimate", True), ("since", True)),
    ):
        table.add_column(heading, justify="right" if right else "left")
    for each in found[:_SHOWN]:
        table.add_row(
            str(each.number),
            each.state,
            label(each.title),
            f"{each.progress:.0%}",
            f"{each.attempts}/{each.max_attempts}",
            "" if each.cost is None else clock_time(each.cost),
            clock_time(max(each.age, 0)),
        )
    console().print(table)
    counts: dict[str, int] = {}
    for each in found:
        counts[each.state] = counts.get(each.state, 0) + 1
    listed = ", ".join(f"{count:,} {state}" for state, count in counts.items())
    say(listed + (f"; the first {_SHOWN} are listed" if len(found) > _SHOWN else ""))
    for each in [each for each in found if each.state == "failed"][:_SHOWN]:
        say(printable(f"{each.number}: {last_line(each.error)}"))
