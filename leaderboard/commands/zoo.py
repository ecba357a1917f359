"""``nonsingular zoo``: retrain the bundled models of a data set."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated

import typer

from leaderboard.commands.options import (
    DataRoot,
    Device,
    TestData,
    Threads,
    TrainingData,
    chosen_device,
)
from leaderboard.terminal.output import console
from models_zoo.display import shown
from models_zoo.errors import InputError


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(zoo)


def zoo(
    dataset: Annotated[
        str, typer.Argument(help="Data set: 'digits', 'mnist', 'cifar10' or 'movies'.")
    ] = "digits",
    only: Annotated[
        str, typer.Option(help="Only models that match, with * and ?, such as 'mlp-*'.")
    ] = "*",
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for 'catalog' and 'checkpoints'; by default the zoo itself."),
    ] = None,
    data: TrainingData = None,
    test_data: TestData = None,
    data_root: DataRoot = None,
    device: Device = "cpu",
    threads: Threads = 1,
) -> None:
    """Retrain the bundled models of a data set from scratch.

    The models, their settings and their seed are those of models_zoo/training/plans. After an
    interruption, select the remaining models with --only: the unfinished training is resumed.
    """
    import torch

    import models_zoo
    from leaderboard.jobs.training import Destination, load_material, train_and_write
    from models_zoo.training.plan import load_plan

    plan = load_plan(dataset)
    rows = [row for row in plan.rows() if fnmatchcase(row.name, only)]
    if not rows:
        names = ", ".join(row.name for row in plan.rows())
        raise InputError(f"no model of the zoo matches {shown(only)}; known: {names}")
    torch.set_num_threads(threads)
    home = out or Path(models_zoo.__file__).parent
    folders = [home / kind / dataset for kind in ("checkpoints", "catalog")]
    for folder in folders:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"cannot write to {folder}: {error.strerror}") from error
    material = load_material(dataset, data or (), test_data, data_root)
    output = console(soft_wrap=True)
    for row in rows:
        weights, card = folders[0] / f"{row.name}.safetensors", folders[1] / f"{row.name}.toml"
        place = Destination(weights, card, dataset, plan.licence)
        place.check()
        written = train_and_write(
            row.recipe,
            row.architecture,
            row.settings,
            material.first(row.examples),
            place,
            seed=plan.seed,
            device=chosen_device(device),
            keep=row.keep,
            measured=plan.measured,
            float16=plan.float16,
            notes=row.notes,
            paper=row.paper,
        )
        attacked = written.robustness
        output.print(
            f"{written.name}: clean {written.clean_accuracy:.1%}"
            + (f", robust {attacked.accuracy:.1%} at linf {attacked.eps:.3g}" if attacked else "")
        )
