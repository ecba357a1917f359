"""``nonsingular site``: render the leaderboard."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from leaderboard.terminal.output import console, say

_KEPT = "Every page links to it, also when it is rendered again; '' removes it."


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
        repository: Annotated[
            str | None, typer.Option(help=f"Address of the code. {_KEPT}")
        ] = None,
        docs: Annotated[
            str | None, typer.Option(help=f"Address of the documentation. {_KEPT}")
        ] = None,
        licence: Annotated[
            str | None,
            typer.Option(
                help=f"Licence of the results: an address, or a name such as 'CC BY 4.0'. {_KEPT}"
            ),
        ] = None,
        citation: Annotated[
            str | None, typer.Option(help=f"Address of what to cite. {_KEPT}")
        ] = None,
        submissions: Annotated[
            str | None,
            typer.Option(
                help=f"Where checkpoints are sent: a web address or an e-mail address. {_KEPT}"
            ),
        ] = None,
        min_examples: Annotated[
            int | None,
            typer.Option(
                min=0,
                help="Least number of examples of a board; results on fewer are listed as trials. "
                "0 gives each a board. [default: 100, or as in the earlier site]",
            ),
        ] = None,
    ) -> None:
        """Render the stored results as static pages that open without a server or a network."""
        from rich.progress import Progress

        from leaderboard.pages import render_site
        from leaderboard.pages.landscape_files import find_landscapes
        from leaderboard.pages.publish import require_site_place
        from leaderboard.pages.site_options import stored_options
        from leaderboard.store import Store

        require_site_place(out)
        options = stored_options(out).with_given(
            repository=repository,
            docs=docs,
            licence=licence,
            citation=citation,
            submissions=submissions,
            min_examples=min_examples,
        )
        options.require_links()
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
                options=options,
            )
        scored = {entry.provenance.fingerprint for entry in store.entries(fingerprints=list(pages))}
        for each in pages.values():
            if each.fingerprint not in scored:
                say(f"left out {each.page}: no scores of {each.model!r} are stored", err=True)
        say(f"leaderboard: {index.resolve().as_uri()}")
