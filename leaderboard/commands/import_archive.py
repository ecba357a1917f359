"""``nonsingular import``: add results of archives, or rows reported elsewhere, to a database."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from leaderboard.commands.options import DATABASE, Database
from leaderboard.terminal.output import say
from models_zoo.display import label, shown
from models_zoo.errors import InputError

_NAMED = 10
"""Maximum number of results that are named one by one."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("import")(import_)


def import_(
    files: Annotated[
        list[Path] | None,
        typer.Argument(help="Archives that 'nonsingular export --archive' wrote."),
    ] = None,
    reported: Annotated[
        Path | None,
        typer.Option(
            help="In place of archives: a table of figures that others report, .tsv or .json. "
            "Boards show them apart from measured models, in no rank."
        ),
    ] = None,
    source: Annotated[
        str, typer.Option(help="Who publishes the --reported figures, such as RobustBench.")
    ] = "",
    date: Annotated[str, typer.Option(help="When they were published, such as 2025-03-31.")] = "",
    licence: Annotated[
        str, typer.Option(help="Licence of the --reported figures, as an SPDX identifier.")
    ] = "",
    database: Database = DATABASE,
) -> None:
    """Add the results of archives, or figures reported elsewhere, to a database.

    Every file is checked as a whole before anything of it is written. The numbers of an archive are
    not recomputed: pages say that they are imported, and nonsingular reproduce runs them again. A
    result that differs from a stored one is named, shown with it as a rerun that does not agree,
    and kept in the table alternatives; nothing stored is replaced. The exit code is 1 if there is
    one. Reported figures replace those of an earlier date of the same source, and nothing else.
    """
    given = {"--source": source, "--date": date, "--licence": licence}
    if reported is not None:
        if files:
            raise InputError("give either archives or --reported FILE, not both")
        if missing := [option for option, value in given.items() if not value]:
            raise InputError(f"--reported needs {', '.join(missing)}")
        _import_reported(reported, source, date, licence, database)
        return
    if extra := [option for option, value in given.items() if value]:
        raise InputError(f"{', '.join(extra)} is for --reported FILE, which is not given")
    if not files:
        raise InputError("give an archive, or a table with --reported FILE")
    _import_archives(files, database)


def _import_archives(files: list[Path], database: str) -> None:
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


def _import_reported(path: Path, source: str, date: str, licence: str, database: str) -> None:
    from leaderboard.reported import import_reported, read_reported
    from leaderboard.reported.robustbench_names import with_names
    from leaderboard.store import Store

    file = read_reported(path, source=source, date=date, licence=licence)
    file.rows = with_names(file.rows)
    found = import_reported(Store.open(database), file)
    say(
        f"{shown(path)}: {found.added:,} reported rows of {label(source)} added, "
        f"{found.present:,} already stored, {found.removed:,} of an earlier date removed"
    )
    for threat, count in file.other_threats.most_common(_NAMED):
        say(f"  {count:,} rows under {threat}, which is no norm, are left out")
    if file.unread:
        more = f" and {len(file.unread) - _NAMED:,} more" if len(file.unread) > _NAMED else ""
        say(f"  columns that are not read: {', '.join(file.unread[:_NAMED])}{more}")
