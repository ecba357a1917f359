"""``nonsingular token``: create, list and revoke tokens of the submission service."""

from __future__ import annotations

from typing import Annotated

import typer

from leaderboard.commands.command_line import HELP, CommandLine, ListByDefault
from leaderboard.commands.options import DATABASE, Database
from leaderboard.terminal.moments import minute
from leaderboard.terminal.output import note, print_to_fit, say
from models_zoo.display import label

tokens = CommandLine(
    help="Create, list and revoke tokens of the submission service.",
    cls=ListByDefault,
    context_settings=HELP,
)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(tokens, name="token")


@tokens.command()
def create(
    name: Annotated[str, typer.Argument(help="Whose it is, such as 'Ada Lovelace'.")],
    role: Annotated[
        str, typer.Option(help="'submitter', or 'maintainer', who sees, approves and refuses all.")
    ] = "submitter",
    database: Database = DATABASE,
) -> None:
    """Create a token and print it. It cannot be shown again: the database has its hash only."""
    from leaderboard.store import Store
    from leaderboard.store.tokens import Tokens

    made = Tokens(Store.open(database).engine).create(name, role)
    note(f"a token of {label(name)}, {role}; it is shown this once:")
    say(made)


@tokens.command("list")
def list_tokens(database: Database = DATABASE) -> None:
    """List the tokens, without their secrets."""
    from rich.table import Table

    from leaderboard.store import Store
    from leaderboard.store.tokens import Tokens

    found = Tokens(Store.open(database, to_read=True).engine).listed()
    if not found:
        say("no tokens")
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("token", "name", "role", "created", "last used", "revoked"):
        table.add_column(heading)
    for each in found:
        moments = map(minute, (each.created, each.last_used, each.revoked))
        table.add_row(each.id, label(each.name), each.role, *moments)
    print_to_fit(table)


@tokens.command()
def revoke(
    token: Annotated[str, typer.Argument(help="Its identifier, as 'token list' shows it.")],
    database: Database = DATABASE,
) -> None:
    """Accept a token no more, from the next request on."""
    from leaderboard.store import Store
    from leaderboard.store.tokens import Tokens

    Tokens(Store.open(database).engine).revoke(token)
    say(f"token {token} is revoked")
