"""``nonsingular doctor``: check the environment."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from leaderboard.terminal.output import console, say

if TYPE_CHECKING:
    from leaderboard.commands.doctor_checks import Check

COLORS = {"ok": "green", "note": "cyan", "wrong": "red"}


@dataclass(frozen=True)
class Diagnosis:
    """What ``--json`` prints: whether nothing has to be repaired, and every check."""

    healthy: bool
    checks: Sequence[Check]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(doctor)


def doctor(
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the checks as JSON instead of a table.")
    ] = False,
) -> None:
    """Report what is missing or mismatched in the environment, and what to do.

    The exit code is 0 if no problems are found and 1 otherwise.
    """
    from leaderboard.commands.doctor_checks import examine

    with console(stderr=True).status("checking the environment (imports take a few seconds)"):
        checks = examine()
    wrong = [check for check in checks if check.status == "wrong"]
    if as_json:
        say(json.dumps(asdict(Diagnosis(not wrong, checks)), indent=2))
    else:
        table = Table("what", "found", "", box=None, pad_edge=False)
        for check in checks:
            status = Text(check.status, style=COLORS[check.status])
            table.add_row(Text(check.name), Text(check.found), status)
        output = console()
        output.print(table)
        for check in wrong:
            output.print(f"\n{check.name}: {check.advice}", style="red")
        if not wrong:
            output.print("\nno problems found", style="green")
    raise typer.Exit(1 if wrong else 0)
