"""``nonsingular submissions``: at a service or locally: list, show, withdraw, approve, refuse."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Protocol

import typer

from leaderboard.commands.command_line import HELP, CommandLine, ListByDefault
from leaderboard.commands.options import DATABASE, Database
from leaderboard.commands.submit_online import (
    Server,
    TokenOption,
    client_of,
    line_of,
    print_online_verdict,
    print_submissions,
)
from leaderboard.terminal.output import say
from models_zoo.display import printable, shown
from models_zoo.errors import InputError

if TYPE_CHECKING:
    from leaderboard.service.quarantine import Quarantine
    from leaderboard.store.submissions import Submissions

Number = Annotated[str, typer.Argument(help="Identifier of a submission.")]

group = CommandLine(
    help="List, show, withdraw, approve and refuse submissions to a service.",
    cls=ListByDefault,
    context_settings=HELP,
)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(group, name="submissions")


class Place(Protocol):
    """Where submissions are: a service, or a database."""

    def listed(self) -> list[dict[str, Any]]:
        """The submissions, the newest first."""

    def status(self, number: str) -> dict[str, Any]:
        """Where one is."""

    def withdraw(self, number: str) -> dict[str, Any]:
        """Withdraw one; returns where it is now."""

    def approve(self, number: str) -> dict[str, Any]:
        """Approve one; returns where it is now."""

    def refuse(self, number: str, reason: str) -> dict[str, Any]:
        """Refuse one; returns where it is now."""


@dataclass
class Local:
    """The submissions of a database."""

    submissions: Submissions
    quarantine: Quarantine

    def listed(self) -> list[dict[str, Any]]:
        """The submissions, the newest first."""
        from leaderboard.service.answers import brief

        return [brief(each).model_dump() for each in self.submissions.listed()]

    def status(self, number: str) -> dict[str, Any]:
        """Where one is."""
        from leaderboard.service.answers import status_of

        found = self.submissions.get(number)
        if found is None:
            raise InputError(
                f"there is no submission {shown(number)}; nonsingular submissions lists them"
            )
        return status_of(self.submissions, found).model_dump()

    def withdraw(self, number: str) -> dict[str, Any]:
        """Withdraw one."""
        self.status(number)
        self.submissions.withdraw(number)
        return self.status(number)

    def approve(self, number: str) -> dict[str, Any]:
        """Approve one."""
        from leaderboard.service.approval import approve

        self.status(number)
        found = self.submissions.get(number)
        if found is not None:
            approve(self.submissions, self.quarantine, found, None)
        return self.status(number)

    def refuse(self, number: str, reason: str) -> dict[str, Any]:
        """Refuse one."""
        self.status(number)
        self.submissions.refuse(number, reason)
        return self.status(number)


def _place(server: str | None, token: str | None, database: str) -> Place:
    if server is not None:
        return client_of(server, token)
    from leaderboard.service.quarantine import Quarantine
    from leaderboard.store import Store
    from leaderboard.store.submissions import Submissions
    from leaderboard.submissions.workspace import workspace_of

    store = Store.open(database)
    return Local(Submissions(store.engine), Quarantine(workspace_of(database).absolute()))


@group.command("list")
def list_submissions(
    server: Server = None,
    token: TokenOption = None,
    database: Database = DATABASE,
    as_json: Annotated[bool, typer.Option("--json", help="Print them as JSON.")] = False,
) -> None:
    """List submissions, the newest first: at a service your own, as a maintainer all."""
    found = _place(server, token, database).listed()
    if as_json:
        say(json.dumps(found, indent=1))
    else:
        print_submissions(found)


@group.command()
def show(
    submission: Number,
    server: Server = None,
    token: TokenOption = None,
    database: Database = DATABASE,
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """Show where a submission is, and what the checks found."""
    status = _place(server, token, database).status(submission)
    if as_json:
        say(json.dumps(status, indent=1))
        return
    _print(status)


@group.command()
def withdraw(
    submission: Number,
    server: Server = None,
    token: TokenOption = None,
    database: Database = DATABASE,
) -> None:
    """Withdraw a submission that is not over."""
    _print(_place(server, token, database).withdraw(submission))


@group.command()
def approve(
    submission: Number,
    server: Server = None,
    token: TokenOption = None,
    database: Database = DATABASE,
) -> None:
    """Let a submission be scored that waits for a maintainer's approval."""
    _print(_place(server, token, database).approve(submission))


@group.command()
def refuse(
    submission: Number,
    reason: Annotated[str, typer.Option(help="Why, in one line; the submitter sees it.")],
    server: Server = None,
    token: TokenOption = None,
    database: Database = DATABASE,
) -> None:
    """Refuse a submission that waits for a maintainer's approval."""
    if not reason.strip() or not reason.isprintable() or len(reason) > 500:
        raise InputError(f"--reason {shown(reason)} is not a line of at most 500 characters")
    _print(_place(server, token, database).refuse(submission, reason))


def _print(status: dict[str, Any]) -> None:
    say(printable(f"{status['id']} {shown(str(status['name']))}: {line_of(status)}"))
    if status.get("reason"):
        say(printable(str(status["reason"])))
    print_online_verdict(status)
