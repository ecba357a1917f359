"""Submitting to a service: the upload, the verdict and the progress."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from leaderboard.terminal.moments import minute
from leaderboard.terminal.output import console, note, say
from models_zoo.display import label, printable, shown
from models_zoo.errors import InputError

if TYPE_CHECKING:
    from leaderboard.service.client import Client
    from leaderboard.submissions.description import Description

Server = Annotated[
    str | None,
    typer.Option(help="Address of a submission service, such as https://leaderboard.example.org."),
]
TokenOption = Annotated[
    str | None,
    typer.Option(help="Token of the service; by default the environment's NONSINGULAR_TOKEN."),
]

VARIABLE = "NONSINGULAR_TOKEN"

POLL_SECONDS = 2.0

_OVER = ("refused", "done", "failed", "withdrawn")


def client_of(server: str, token: str | None) -> Client:
    """The client of a service.

    Args:
        server: the option --server.
        token: the option --token; by default the environment variable.

    Raises:
        InputError: there is no token.
    """
    from leaderboard.service.client import Client

    given = token or os.environ.get(VARIABLE)
    if not given:
        raise InputError(
            f"--server needs a token: set {VARIABLE}, or give --token; the operator of the service "
            "has tokens"
        )
    return Client(server, given)


def submit_online(client: Client, file: Path, description: Description, *, wait: bool) -> int:
    """Send a checkpoint to a service, and follow what happens to it.

    Args:
        client: of the service.
        file: the checkpoint.
        description: what its submitter says.
        wait: whether to wait until it is scored.

    Returns:
        The exit code: 1 if it was refused or has failed.

    Raises:
        InputError: it cannot be sent.
    """
    from models_zoo.checkpoint import sha256_file

    try:
        size = file.stat().st_size
        sha256 = sha256_file(file)
    except OSError as error:
        raise InputError(f"cannot read {shown(file)}: {error.strerror}") from error
    said = description.model_dump(mode="json", exclude_defaults=True)
    number = client.create(said, file.name, size, sha256)
    _upload(client, number, file)
    note(f"submission {number} has arrived: {client.address(f'/submissions/{number}')}")
    if not wait:
        say(number)
        return 0
    return follow(client, number)


def _upload(client: Client, number: str, file: Path) -> None:
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn

    columns = (BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console(stderr=True), transient=True) as bar:
        task = bar.add_task("upload")
        client.upload(
            number, file, lambda sent, whole: bar.update(task, completed=sent, total=whole)
        )


def follow(client: Client, number: str) -> int:
    """Print what happens to a submission until it is over; returns the exit code."""
    told = ""
    judged = False
    while True:
        status = client.status(number)
        if status.get("verdict") and not judged:
            judged = True
            print_online_verdict(status)
        line = line_of(status)
        if line != told:
            note(line)
            told = line
        if status["state"] in _OVER:
            if status["state"] == "done":
                say(client.address("/"))
                return 0
            say(printable(f"submission {number} is {status['state']}: {status.get('reason')}"))
            return 1
        if status["state"] == "waiting":
            note("a maintainer has to approve it; 'nonsingular submissions show' says when")
            return 0
        time.sleep(POLL_SECONDS)


def line_of(status: Mapping[str, Any]) -> str:
    """Where a submission is, in one line."""
    state = str(status["state"])
    if state == "queued" and status.get("ahead"):
        return f"{state}: {status['ahead']:,} jobs are before it"
    if state == "running":
        return f"{state}: {status['progress']:.0%} is done"
    return state


def print_online_verdict(status: Mapping[str, Any]) -> None:
    """Print what the checks of a service found, with what to do about each finding.

    Args:
        status: of the submission; nothing is printed where it has no verdict yet.
    """
    if not status.get("verdict"):
        return
    from pydantic import ValidationError

    from leaderboard.commands.verdict_table import print_verdict
    from leaderboard.submissions.finding import Verdict

    try:
        verdict = Verdict.model_validate(_plain(status["verdict"]))
    except ValidationError:
        note("the verdict is one of another version of nonsingular; the page of the status has it")
        return
    print_verdict(label(str(status.get("name", ""))), verdict)


def _plain(value: object) -> object:
    """JSON whose texts a terminal can show: they come from elsewhere."""
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, dict):
        return {printable(str(key)): _plain(each) for key, each in value.items()}
    return value


def print_submissions(found: list[dict[str, Any]]) -> None:
    """Print submissions as a table."""
    from rich.table import Table

    from leaderboard.terminal.output import print_to_fit

    if not found:
        say("no submissions")
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("submission", "state", "model", "data set", "sent", "why"):
        table.add_column(heading)
    for each in found:
        table.add_row(
            str(each["id"]),
            str(each["state"]),
            label(str(each["name"])),
            label(str(each["dataset"])),
            minute(float(each["created"])),
            label(str(each["reason"] or "")),
        )
    print_to_fit(table)
