"""``nonsingular seed``: commit to a secret seed, list commitments, reveal and check one."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer

from leaderboard.commands.command_line import HELP, CommandLine, ListByDefault
from leaderboard.commands.options import DATABASE, Database
from leaderboard.terminal.moments import minute
from leaderboard.terminal.output import print_to_fit, say
from models_zoo.display import label, shown
from models_zoo.errors import InputError

seeds = CommandLine(
    help="Commit to a secret seed, list commitments, reveal and check one.",
    cls=ListByDefault,
    context_settings=HELP,
)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(seeds, name="seed")


@seeds.command()
def commit(
    note: Annotated[str, typer.Option(help="What it is for, for readers.")] = "",
    database: Database = DATABASE,
) -> None:
    """Draw a seed, keep it secret and print its commitment, to be published before it is used.

    ``nonsingular serve --secret-seed`` scores submissions with it.
    """
    from leaderboard.store import Store
    from leaderboard.store.seeds import Seeds

    say(Seeds(Store.open(database).engine).commit(note).sha256)


@seeds.command("list")
def list_seeds(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    database: Database = DATABASE,
) -> None:
    """List the commitments, with the seeds that have been revealed."""
    from rich.table import Table

    from leaderboard.store import Store
    from leaderboard.store.seeds import SHOWN_DIGITS, Seeds

    found = Seeds(Store.open(database, to_read=True).engine).listed()
    if as_json:
        say(json.dumps([asdict(each) for each in found], indent=2))
        return
    if not found:
        say("no seed was committed to")
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("commitment", "created", "revealed", "seed", "note"):
        table.add_column(heading)
    for each in found:
        seed = "secret" if each.seed is None else str(each.seed)
        moments = map(minute, (each.created, each.revealed))
        table.add_row(each.sha256[:SHOWN_DIGITS], *moments, seed, label(each.note))
    print_to_fit(table)


@seeds.command()
def reveal(
    commitment: Annotated[
        str, typer.Argument(help="The commitment, or at least 8 of its first digits.")
    ],
    database: Database = DATABASE,
) -> None:
    """Reveal a seed: print it with what proves it, and show it with its results from now on."""
    from leaderboard.store import Store
    from leaderboard.store.seeds import Seeds

    found = Seeds(Store.open(database).engine).reveal(commitment)
    say(f"nonsingular seed check {found.sha256} {found.seed} {found.nonce}")


@seeds.command()
def check(
    commitment: Annotated[str, typer.Argument(help="The commitment that was published first.")],
    seed: Annotated[int, typer.Argument(help="The seed that was revealed later.")],
    nonce: Annotated[str, typer.Argument(help="The random digits that were revealed with it.")],
) -> None:
    """Check that a revealed seed is the one that was committed to; needs no database."""
    from leaderboard.store.seeds import commitment_of

    if commitment_of(seed, nonce) != commitment.lower():
        raise InputError(f"the commitment {shown(commitment)} is not to this seed")
    say(f"the commitment is to the seed {seed}")
