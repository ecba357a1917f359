"""Command-line options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from leaderboard.terminal.output import detail
from models_zoo.display import shown
from models_zoo.errors import InputError
from models_zoo.numbers import number_of

Models = Annotated[
    list[str] | None,
    typer.Argument(
        help="Models of the zoo, with wildcards * and ?, or of other sources, such as net.onnx "
        "or robustbench:cifar10/Linf/Wong2020Fast; by default the bundled models of the "
        "battery's data set."
    ),
]
BatteryToRun = Annotated[
    str | None,
    typer.Option(
        help="Battery: its name, or a file of your own, FILE.toml (docs/batteries.md); by "
        "default that of the models' data set."
    ),
]
ProbesToRun = Annotated[
    list[str] | None, typer.Option(help="Only this probe of the battery; repeatable.")
]
Split = Annotated[
    str,
    typer.Option(
        help="'train' for images that models were trained on: such results are not on the "
        "leaderboard; the findings use them for the generalization gap."
    ),
]
Database = Annotated[
    str, typer.Option(help="Where scores are kept: an SQLite file or any SQLAlchemy URL.")
]
Out = Annotated[Path, typer.Option(help="Folder the leaderboard is rendered into.")]
Examples = Annotated[
    int | None,
    typer.Option(
        "--examples",
        "--limit",
        help="Use only the first N examples; by default the battery's, or all.",
    ),
]
Data = Annotated[
    Path | None,
    typer.Option(
        help="Images to evaluate on: .npz with x uint8 (N, C, H, W) and y int64 (N,), or with the "
        "images as JPEG files, in jpeg and offsets, in place of x."
    ),
]
OwnData = Annotated[
    bool,
    typer.Option(
        "--own-data",
        help="Accept images in --data that are unlike those of the battery's data set: another "
        "shape or range, or other classes.",
    ),
]
DataRoot = Annotated[
    Path | None,
    typer.Option(help="Folder that data sets are kept in, laid out as torchvision does."),
]
TrainingData = Annotated[
    list[Path] | None,
    typer.Option(
        "--data",
        help="Images to train on in place of the data set's training split: .npz with x uint8 "
        "(N, C, H, W) and y int64 (N,), or with JPEG files; repeatable, files are joined.",
    ),
]
TestData = Annotated[
    Path | None,
    typer.Option(help="Images in place of the data set's test split, in the same form."),
]
Threads = Annotated[
    int, typer.Option(min=1, help="CPU threads; more than 1 helps large networks only.")
]
Checkpoint = Annotated[
    Path | None,
    typer.Option(help="Use this file in place of models by name: weights, or an .onnx."),
]
Architecture = Annotated[
    str | None,
    typer.Option(
        help="Architecture of --checkpoint, such as 'cifar-resnet32', 'wrn-40-4' or "
        "'timm:resnet18' (docs/zoo.md); without it, what fits is proposed. An .onnx or .pt2 brings "
        "its own."
    ),
]
TrainedFor = Annotated[
    str | None, typer.Option(help="Data set --checkpoint was trained for, such as 'cifar10'.")
]
Weights = Annotated[
    str | None,
    typer.Option(
        help="Which weights of a file with several: 'raw', 'ema' (moving averages) or their name "
        "in it; by default the trained ones."
    ),
]
Trust = Annotated[
    bool,
    typer.Option(
        "--trust", help="Load a .pt2 file, or an architecture 'net.py:make': both execute code."
    ),
]
Note = Annotated[str, typer.Option(help="Note for readers of the rerun; one line.")]
MAX_SEED = 2**63 - 1
"""Largest integer that a database can store."""

Seed = Annotated[int, typer.Option(min=0, max=MAX_SEED, help="Root of every random draw.")]
Device = Annotated[
    str,
    typer.Option(
        help="Where to compute, such as 'cpu' or 'cuda'; 'auto' for a CUDA GPU if there is one, "
        "else the CPU."
    ),
]
Shards = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Divide the input attack on each model into N shards of examples, for several "
        "workers; 1 to never divide it; by default where that makes the run shorter.",
    ),
]
BatchSize = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Images passed through the model at once; by default fewer for larger images. It "
        "changes memory and time, and scores by rounding at most.",
    ),
]
Mean = Annotated[
    str | None,
    typer.Option(
        help="Mean subtracted inside the model, one number per channel: a,b,c; by default what the "
        "checkpoint holds, else 0."
    ),
]
Std = Annotated[
    str | None,
    typer.Option(
        help="Deviation divided by inside the model, one number per channel: a,b,c; by default "
        "what the checkpoint holds, else 1."
    ),
]

DATABASE = "nonsingular.sqlite"
OUT = Path("site")


def chosen_device(device: str) -> str:
    """The device that an option means, which is stored with the scores.

    Raises:
        InputError: it cannot be used.
    """
    from benchmark.arguments import AUTO, device_of

    chosen = str(device_of(device))
    if device == AUTO:
        detail(f"device: {chosen}")
    return chosen


def stored_battery(battery: str | None) -> str | None:
    """The battery that an option means among stored results: a name, or the hash of a file.

    Args:
        battery: the option --battery: a name, the start of a hash, or a file.

    Raises:
        InputError: the file cannot be used.
    """
    from benchmark.batteries import is_battery_file, read_battery

    if battery is None or not is_battery_file(battery):
        return battery
    return read_battery(battery).sha256


def numbers(option: str, text: str | None) -> list[float] | None:
    """The numbers of a comma-separated option, ``None`` where it was not given.

    Raises:
        InputError: a part is not a number.
    """
    try:
        return None if text is None else [float(part) for part in text.split(",")]
    except ValueError:
        raise InputError(
            f"{option} {shown(text)} is not a list of numbers such as 0.5,0.5,0.5"
        ) from None


def budget(option: str, text: str) -> float:
    """A radius written as a number or as a fraction such as ``8/255``.

    Raises:
        InputError: it is neither, or not above 0.
    """
    value = number_of(text)
    if value is None:
        raise InputError(f"{option} {shown(text)} is neither a number nor a fraction such as 8/255")
    if not value > 0:
        raise InputError(f"{option} must be above 0, got {shown(text)}")
    return value
