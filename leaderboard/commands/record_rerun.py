"""``nonsingular record-rerun``: record a rerun from another machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from leaderboard.commands.options import DATABASE, Database, Note


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("record-rerun")(record_rerun)


def record_rerun(
    file: Annotated[
        Path,
        typer.Argument(help="File that reproduce --json wrote on another machine."),
    ],
    by: Annotated[str, typer.Option(help="Who ran it there; shown next to the result.")],
    note: Note = "",
    database: Database = DATABASE,
) -> None:
    """Compare a rerun from another machine with the stored results and record how well it agrees.

    The scores in the file are compared again, whatever the file says. Whether they were really
    computed cannot be checked: the person who records them is responsible for their origin. A rerun
    that does not agree is recorded too.
    """
    from leaderboard.commands.agreement_table import print_agreement, print_recorded
    from leaderboard.reruns.file import compare_file, read_rerun
    from leaderboard.store import Store
    from leaderboard.store.reruns import require_signature

    require_signature(by, note)
    rerun = read_rerun(file)
    # Compared before the database is opened for writing, so that a missing one is not created and
    # one in which the result cannot be read is not changed.
    entry, found = compare_file(rerun, Store.open(database, to_read=True))
    print_agreement(found)
    store = Store.open(database)
    for each in found:
        signed = each.signed(by, note=note, imported=True)
        store.record_rerun(entry.provenances[each.probe], each.probe, signed)
    print_recorded(found, entry.card.name, by)
