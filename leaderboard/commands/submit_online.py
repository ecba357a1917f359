"""Submitting to a service: the upload, the verdict and the progress."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from leaderboard.terminal.output import console, note, say
from models_zoo.display import label, printable, shown
from models_zoo.errors import InputError

if TYPE_CHECKING:
    from leaderboard.service.client import Client

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


def submit_online(client: Client, file: Path, description: Mapping[str, Any], *, wait: bool) -> int:
    """Send a checkpoint to a service, and follow what happens to it.

    Args:
        client: of the service.
        file: the checkpoint.
        description: what its submitter says, as JSON.
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
    number = client.create(description, file.name, size, sha256)
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
            print_verdict(status["verdict"])
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


def print_verdict(verdict: Mapping[str, Any]) -> None:
    """Print the findings of the checks with what to do about each."""
    findings = verdict.get("findings") or []
    for each in findings:
        say(printable(f"{each.get('severity')}: {each.get('id')}: {each.get('saw')}"))
        if each.get("fix"):
            say(printable(f"    {each['fix']} ({each.get('page')})"))
    if not findings:
        say("the checks found nothing")


def print_submissions(found: list[dict[str, Any]]) -> None:
    """Print submissions as a table."""
    from datetime import UTC, datetime

    from rich.table import Table

    from leaderboard.terminal.output import print_to_fit

    if not found:
        say("no submissions")
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("submission", "state", "model", "data set", "sent", "why"):
        table.add_column(heading)
    for each in found:
        sent = datetime.fromtimestamp(float(each["created"]), UTC).strftime("%Y-%m-%d %H:%M")
        table.add_row(
            str(each["id"]),
            str(each["state"]),
            label(str(each["name"])),
            label(str(each["dataset"])),
            sent,
            label(str(each["reason"] or "")),
        )
    print_to_fit(table)
