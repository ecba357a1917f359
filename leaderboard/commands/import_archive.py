"""``nonsingular import``: add the results of archives to a database."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from leaderboard.commands.options import DATABASE, Database
from leaderboard.terminal.output import say
from models_zoo.display import label, shown

_NAMED = 10
"""Maximum number of results that are named one by one."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("import")(import_)


def import_(
    files: Annotated[
        list[Path], typer.Argument(help="Archives that 'nonsingular export --archive' wrote.")
    ],
    database: Database = DATABASE,
) -> None:
    """Add the results of archives to a database; nothing stored is replaced.

    Every file is checked as a whole before anything of it is written. The numbers of an archive are
    not recomputed: pages say that they are imported, and nonsingular reproduce runs them again. A
    result that differs from a stored one is named, shown with it as a rerun that does not agree,
    and kept in the table alternatives. The exit code is 1 if there is one.
    """
    from leaderboard.archives import import_archive, read_archive
    from leaderboard.store import Store

    archives = [read_archive(path) for path in files]
    store = Store.open(database)
    differ = False
    for archive in archives:
        found = import_archive(store, archive)
        count = found.fates
        say(
            f"{shown(archive.path)}: {count['added']:,} results added, "
            f"{count['present'] + count['agrees']:,} already stored, {count['differs']:,} differ"
        )
        for model, battery, probe in found.differing[:_NAMED]:
            say(f"  {label(model)}, {label(battery)}, {label(probe)} differs from the stored one")
        if len(found.differing) > _NAMED:
            say(f"  and {len(found.differing) - _NAMED:,} more")
        differ = differ or bool(found.differing)
    if differ:
        raise typer.Exit(1)
