"""``nonsingular train``: train a network with one of the zoo's recipes."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import Progress, TextColumn, TimeRemainingColumn

from models_zoo.errors import InputError

if TYPE_CHECKING:
    from models_zoo.training import Epoch


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(train)


def train(
    recipe: Annotated[str, typer.Argument(help="How to train: 'standard' or 'pgd-at'.")],
    dataset: Annotated[str, typer.Option(help="Data set: 'digits', 'mnist' or 'cifar10'.")],
    architecture: Annotated[str, typer.Option(help="Architecture, such as 'cnn' or 'mlp'.")],
    out: Annotated[Path, typer.Option(help="Where to write the weights, as .safetensors.")],
    card: Annotated[
        Path | None, typer.Option(help="Where to write the catalogue card, as .toml.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Root of every random draw.")] = 0,
    epochs: Annotated[
        int | None, typer.Option(help="Passes over the training images; same as --set epochs=N.")
    ] = None,
    setting: Annotated[
        list[str] | None,
        typer.Option("--set", help="One setting of the recipe as KEY=VALUE; repeatable."),
    ] = None,
    licence: Annotated[
        str | None, typer.Option(help="SPDX identifier of the weights' licence, for the card.")
    ] = None,
    data_root: Annotated[
        Path | None, typer.Option(help="Folder that downloaded data sets are kept in.")
    ] = None,
    threads: Annotated[
        int, typer.Option(min=1, help="CPU threads; more than 1 helps large networks only.")
    ] = 1,
) -> None:
    """Train a network, write its weights and print its card.

    The same command on the same machine writes the same file. The test split is used once, for the
    clean accuracy on the card.
    """
    _check_writable(out, ".safetensors")
    if card is not None:
        _check_writable(card, ".toml")

    import torch

    from benchmark.datasets import load_dataset
    from models_zoo.catalog.writing import card_to_toml
    from models_zoo.checkpoint import save_weights, sha256_file
    from models_zoo.checkpoint.writing import write_bytes
    from models_zoo.training import USUAL_EPS, load_recipe
    from models_zoo.training import train as train_network

    torch.set_num_threads(threads)
    values = {"eps": USUAL_EPS[dataset]} if dataset in USUAL_EPS else {}
    method = load_recipe(recipe)
    settings = method.configure(
        values | _parse(setting or ()) | ({} if epochs is None else {"epochs": epochs})
    )
    images = load_dataset(dataset, "train", data_root)
    test = load_dataset(dataset, "test", data_root)
    by_channel = images.images.transpose(0, 1).flatten(1)
    with Progress(
        *Progress.get_default_columns()[:-1],
        TimeRemainingColumn(),
        TextColumn("{task.fields[state]}"),
        console=Console(stderr=True),
    ) as bar:
        task = bar.add_task(f"{recipe} {architecture}", total=settings.epochs, state="")

        def show(epoch: Epoch) -> None:
            bar.update(
                task,
                completed=epoch.number,
                state=f"loss {epoch.loss:.3f}, held-out clean {epoch.clean:.1%}, "
                f"robust {epoch.robust:.1%}",
            )

        model = train_network(
            recipe,
            architecture,
            images.images,
            images.labels,
            classes=images.classes,
            settings=settings,
            seed=seed,
            name=f"{dataset}/{out.stem}",
            dataset=dataset,
            mean=[round(value, 4) for value in by_channel.mean(1).tolist()],
            std=[round(value, 4) for value in by_channel.std(1).tolist()],
            progress=show,
        )
    with torch.no_grad():
        predictions = [model(part).argmax(1) for part in torch.split(test.images, 500)]
    right = int((torch.cat(predictions) == test.labels).sum())
    save_weights(model.network, out)
    text = card_to_toml(
        model.card.model_copy(
            update={
                "checkpoint": out.name,
                "sha256": sha256_file(out),
                "clean_accuracy": round(right / len(test), 4),
                "licence": licence,
            }
        )
    )
    if card is not None:
        write_bytes(card, text.encode())
    typer.echo(text, nl=False)


def _check_writable(path: Path, suffix: str) -> None:
    if path.suffix != suffix:
        raise InputError(f"cannot write {path}: its name must end in {suffix}")
    if path.is_dir() or not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
        raise InputError(f"cannot write {path}: give a file in an existing, writable folder")


def _parse(assignments: Iterable[str]) -> dict[str, object]:
    values: dict[str, object] = {}
    for text in assignments:
        key, equals, value = text.partition("=")
        if not equals:
            raise InputError(f"--set {text!r} is not KEY=VALUE, such as --set eps=8/255")
        values[key.strip()] = value.strip()
    return values
