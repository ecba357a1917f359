"""``nonsingular site``: render the leaderboard."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from leaderboard.terminal.output import console, say


def register(app: typer.Typer) -> None:
    """Add ``site`` to the command line."""

    @app.command()
    def site(
        out: Annotated[
            Path, typer.Option(help="Folder to write: missing, empty or an earlier site.")
        ] = Path("site"),
        database: Annotated[
            str, typer.Option(help="SQLite file or SQLAlchemy URL that bench wrote to.")
        ] = "nonsingular.sqlite",
        landscapes: Annotated[
            Path | None,
            typer.Option(
                help="Folder 'nonsingular landscape' wrote to: its pages are shown with their "
                "models. Those that an earlier site at --out shows stay without it."
            ),
        ] = None,
        no_database: Annotated[
            bool,
            typer.Option(
                "--no-database", help="Leave the database itself out; it is published otherwise."
            ),
        ] = False,
    ) -> None:
        """Render the stored results as static pages that open without a server or a network."""
        from rich.progress import Progress

        from leaderboard.pages import render_site
        from leaderboard.pages.landscape_files import find_landscapes
        from leaderboard.pages.publish import require_site_place
        from leaderboard.store import Store

        require_site_place(out)
        pages = {} if landscapes is None else find_landscapes(landscapes)
        store = Store.open(database, to_read=True)
        with Progress(console=console(stderr=True), transient=True) as bar:
            models = bar.add_task("rendering models", total=None)
            index = render_site(
                store,
                out,
                lambda done, total: bar.update(models, completed=done, total=total),
                landscapes=pages,
                database=not no_database,
            )
        scored = {entry.provenance.fingerprint for entry in store.entries(fingerprints=list(pages))}
        for each in pages.values():
            if each.fingerprint not in scored:
                say(f"left out {each.page}: no scores of {each.model!r} are stored", err=True)
        say(f"leaderboard: {index.resolve().as_uri()}")
