"""``nonsingular prepare``: make the files of a data set that cannot be downloaded as such."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from leaderboard.commands.options import DataRoot
from leaderboard.terminal.output import say


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(prepare)


def prepare(
    dataset: Annotated[str, typer.Argument(help="Data set: 'movies' or 'spam'.")],
    source: Annotated[
        Path,
        typer.Argument(help="The archive or file with its texts; docs/data.md says which one."),
    ],
    data_root: DataRoot = None,
) -> None:
    """Make the files of a data set of texts in the data root.

    The source is checked by its SHA-256, and the same source gives the same files.
    """
    from benchmark.datasets.prepared_texts import prepare_texts
    from benchmark.datasets.root import default_root

    for path, count in prepare_texts(dataset, source, data_root or default_root()).items():
        say(f"{path}: {count:,} texts")
