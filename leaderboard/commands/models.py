"""``nonsingular models``: list the zoo."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from models_zoo.errors import InputError


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(models)


def models(
    pattern: Annotated[
        str, typer.Argument(help="Only names that match, with * and ?, such as 'digits/*'.")
    ] = "*",
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the models' cards as JSON instead of a table.")
    ] = False,
) -> None:
    """List the models of the zoo."""
    from models_zoo.catalog import list_models, load_card

    cards = [load_card(name) for name in list_models(pattern)]
    if not cards:
        raise InputError(
            f"no model matches {pattern!r}; 'nonsingular models' without a pattern lists all"
        )
    if as_json:
        typer.echo(json.dumps([card.model_dump(mode="json") for card in cards], indent=2))
        return
    table = Table(
        box=None, pad_edge=False, collapse_padding=True, padding=(0, 1), header_style="bold"
    )
    table.add_column("name", no_wrap=True)
    for heading in ("data set", "architecture", "recipe"):
        table.add_column(heading)
    table.add_column("clean", justify="right")
    table.add_column("params", justify="right")
    table.add_column("licence")
    for card in cards:
        table.add_row(
            card.name,
            card.dataset,
            card.architecture,
            card.recipe,
            "?" if card.clean_accuracy is None else f"{card.clean_accuracy:.1%}",
            _count(card.parameters),
            card.licence or "?",
        )
    Console().print(table)


def _count(parameters: int | None) -> str:
    if parameters is None:
        return "?"
    return f"{parameters / 1e6:.1f} M" if parameters >= 1e6 else f"{parameters / 1e3:.0f} k"
