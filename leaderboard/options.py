"""Command-line options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from models_zoo.errors import InputError

Database = Annotated[
    str, typer.Option(help="Where scores are kept: an SQLite file or any SQLAlchemy URL.")
]
Out = Annotated[Path, typer.Option(help="Folder the leaderboard is rendered into.")]
Examples = Annotated[
    int | None, typer.Option(help="Use only the first N examples; by default all.")
]
Data = Annotated[
    Path | None,
    typer.Option(help="Images to evaluate on: .npz with x uint8 (N, C, H, W) and y int64 (N,)."),
]
DataRoot = Annotated[
    Path | None, typer.Option(help="Folder that downloaded data sets are kept in.")
]
Seed = Annotated[int, typer.Option(min=0, help="Root of every random draw.")]
Device = Annotated[str, typer.Option(help="Where to compute, such as 'cpu' or 'cuda'.")]
Mean = Annotated[
    str, typer.Option(help="Mean subtracted inside the model, one number a channel: a,b,c.")
]
Std = Annotated[
    str, typer.Option(help="Deviation divided by inside the model, one number a channel: a,b,c.")
]

DATABASE = "nonsingular.sqlite"
OUT = Path("site")


def numbers(option: str, text: str) -> list[float]:
    """The numbers of a comma-separated option.

    Raises:
        InputError: a part is not a number.
    """
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise InputError(
            f"{option} {text!r} is not a list of numbers such as 0.5,0.5,0.5"
        ) from None
