"""``nonsingular findings``: test claims from the literature on the stored scores."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from leaderboard.commands.options import DATABASE, Database
from leaderboard.output_paths import require_folder_place
from leaderboard.terminal.output import say


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(findings)


def findings(
    database: Database = DATABASE,
    out: Annotated[
        Path, typer.Option(help="Folder for findings.md; its figures go into findings/ below.")
    ] = Path("docs"),
) -> None:
    """Test claims from the literature on the stored scores, and write a page with figures."""
    require_folder_place(out)

    from leaderboard.findings import make_findings, make_panels
    from leaderboard.findings.page import write_findings
    from leaderboard.store import Store

    entries = Store.open(database, to_read=True).entries()
    found = make_findings(entries)
    page = write_findings(found, make_panels(entries), out)
    for finding in found:
        say(f"{finding.title}: {finding.verdict}")
    say(f"written to {page}")
