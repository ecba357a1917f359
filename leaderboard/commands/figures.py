"""``nonsingular figures``: charts of a board or of models as PDF and SVG for a paper."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from leaderboard.commands.options import DATABASE, Database, stored_battery
from leaderboard.output_paths import require_folder_place
from leaderboard.terminal.output import say
from models_zoo.display import shown
from models_zoo.errors import InputError

NAMED_WIDTHS = ("column", "text")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(figures)


def figures(
    models: Annotated[
        list[str] | None,
        typer.Argument(
            help="Stored models whose charts are drawn: names or beginnings of fingerprints. By "
            "default the chart of the board."
        ),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder to write the files into.")] = Path("figures"),
    width: Annotated[
        str | None,
        typer.Option(
            help="Width: 'column' (3.25 inches), 'text' (5.5 inches) or a number of inches. By "
            "default 'column' for the charts of models and 'text' for that of the board."
        ),
    ] = None,
    kinds: Annotated[
        list[str] | None,
        typer.Option("--format", help="'pdf' or 'svg'; repeatable. By default both."),
    ] = None,
    battery: Annotated[
        str | None,
        typer.Option(help="Only results of this battery, by name, hash or file."),
    ] = None,
    examples: Annotated[
        int | None,
        typer.Option("--examples", "--limit", min=1, help="Only results on this many images."),
    ] = None,
    database: Database = DATABASE,
) -> None:
    """Write charts in the size of a paper, as PDF and SVG."""
    from leaderboard.charts.paper import PaperPainter
    from leaderboard.exports.figures import FORMATS, board_figures, model_figures, written
    from leaderboard.exports.selection import model_entries
    from leaderboard.store import Store
    from models_zoo.checkpoint.writing import write_bytes
    from models_zoo.errors import unknown_name

    require_folder_place(out)
    chosen = list(dict.fromkeys(kinds or FORMATS))
    for kind in chosen:
        if kind not in FORMATS:
            raise unknown_name("format of figures", kind, FORMATS)
    painter = PaperPainter(_inches(width or ("column" if models else "text")))
    named = stored_battery(battery)
    store = Store.open(database, to_read=True)
    found = {} if models else board_figures(store, named, examples, painter)
    for model in models or ():
        entries = model_entries(store, model, named)
        if examples is not None:
            entries = [each for each in entries if each.provenance.examples == examples]
        found |= model_figures(entries, painter)
    if not found:
        raise InputError("there is no chart to draw: the chosen results have no curves")
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot write into {shown(out)}: {error.strerror}") from error
    for name, svg in found.items():
        for kind in chosen:
            write_bytes(out / f"{name}.{kind}", written(svg, kind))
            say(str(out / f"{name}.{kind}"))


def _inches(width: str) -> float:
    from leaderboard.charts.paper import COLUMN, LARGEST, SMALLEST, TEXT

    if width in NAMED_WIDTHS:
        return COLUMN if width == "column" else TEXT
    try:
        inches = float(width)
    except ValueError:
        inches = 0.0
    if not SMALLEST <= inches <= LARGEST:
        raise InputError(
            f"--width {shown(width)} is neither 'column', 'text' nor a number of inches from "
            f"{SMALLEST:g} to {LARGEST:g}"
        )
    return inches
