"""``nonsingular train``: train a network with one of the zoo's recipes."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from leaderboard.commands.options import (
    DataRoot,
    Device,
    Seed,
    TestData,
    Threads,
    TrainingData,
    chosen_device,
)
from leaderboard.terminal.output import say
from models_zoo.display import shown
from models_zoo.errors import InputError


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(train)


def train(
    recipe: Annotated[
        str, typer.Argument(help="How to train, such as 'standard', 'pgd-at' or 'trades'.")
    ],
    dataset: Annotated[
        str, typer.Option(help="Data set: 'digits', 'mnist', 'cifar10', 'movies' or 'spam'.")
    ],
    architecture: Annotated[str, typer.Option(help="Architecture, such as 'cnn' or 'mlp'.")],
    out: Annotated[Path, typer.Option(help="Where to write the weights, as .safetensors.")],
    card: Annotated[Path | None, typer.Option(help="Where to write the card, as .toml.")] = None,
    seed: Seed = 0,
    epochs: Annotated[
        int | None, typer.Option(help="Passes over the training images; same as --set epochs=N.")
    ] = None,
    setting: Annotated[
        list[str] | None,
        typer.Option("--set", help="One setting of the recipe as KEY=VALUE; repeatable."),
    ] = None,
    keep_epochs: Annotated[
        str | None,
        typer.Option(help="Early epochs to keep as models of their own, such as 10,30."),
    ] = None,
    licence: Annotated[
        str | None, typer.Option(help="SPDX identifier of the weights' licence, for the card.")
    ] = None,
    data: TrainingData = None,
    test_data: TestData = None,
    data_root: DataRoot = None,
    device: Device = "cpu",
    threads: Threads = 1,
) -> None:
    """Train a network, write its weights and print its card.

    The same command on the same machine writes the same file, even if it was interrupted: the
    unfinished training is kept next to it, and the same command resumes after the last finished
    epoch. The test split is used once, for the clean accuracy on the card.
    """
    keep = _epochs(keep_epochs)

    import torch

    from leaderboard.jobs.training import Destination, load_material, train_and_write
    from models_zoo.catalog.writing import card_to_toml
    from models_zoo.training import USUAL_EPS, load_recipe

    place = Destination(out, card, dataset, licence)
    place.check()
    torch.set_num_threads(threads)
    values = {"eps": USUAL_EPS[dataset]} if dataset in USUAL_EPS else {}
    settings = load_recipe(recipe).configure(
        values | _parse(setting or ()) | ({} if epochs is None else {"epochs": epochs})
    )
    material = load_material(dataset, data or (), test_data, data_root)
    written = train_and_write(
        recipe,
        architecture,
        settings,
        material,
        place,
        seed=seed,
        device=chosen_device(device),
        keep=keep,
    )
    say(card_to_toml(written), end="")


def _epochs(text: str | None) -> list[int]:
    try:
        return [int(part) for part in text.split(",")] if text else []
    except ValueError:
        raise InputError(
            f"--keep-epochs {shown(text)} is not a list of epochs such as 10,30"
        ) from None


def _parse(assignments: Iterable[str]) -> dict[str, object]:
    values: dict[str, object] = {}
    for text in assignments:
        key, equals, value = text.partition("=")
        if not equals:
            raise InputError(f"--set {shown(text)} is not KEY=VALUE, such as --set eps=8/255")
        values[key.strip()] = value.strip()
    return values
