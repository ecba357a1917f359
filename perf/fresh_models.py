"""Fresh models to measure the input attack on: trained, kept in a folder, and listed as cases.

Run ``python -m perf.fresh_models`` from the root of a checkout, then ``python -m
perf.input_attack --fresh FOLDER``. The definitions are in :mod:`perf.fresh_definitions`; a model
whose weights are in the folder is not trained again.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import cache, partial
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

from benchmark.datasets import Dataset, load_dataset, load_npz
from benchmark.datasets.root import default_root
from models_zoo import load_file, save_weights
from models_zoo.classifier import Classifier
from models_zoo.errors import InputError
from models_zoo.prediction import predicted_classes
from models_zoo.training import load_recipe, train
from perf.cases import Case, test_images
from perf.command import Shared, compute_on, console, run_command, shared_folder
from perf.fresh_definitions import FRESH, FreshModel

NORMALIZATION: dict[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "digits": ((0.3054,), (0.3759,)),
    "mnist": ((0.1307,), (0.3081,)),
    "cifar10": ((0.4914, 0.4822, 0.4465), (0.2471, 0.2435, 0.2616)),
}
"""Mean and deviation by data set."""

SHAPES = {"digits": (1, 8, 8), "mnist": (1, 28, 28), "cifar10": (3, 32, 32)}
"""(channels, height, width) by data set."""

FIRST = {"digits": 300, "mnist": 1000, "cifar10": 400}
"""The first test image of a row by data set; other rows of ``perf.input_attack`` take the first 200
or 300 images."""


def default_folder() -> Path:
    """The folder ``fresh`` beside the data sets that are kept for the user."""
    return default_root() / "fresh"


def ensure_trained(model: FreshModel, folder: Path, shared: Path) -> bool:
    """Train a model, unless its weights are in the folder.

    Args:
        model: its definition.
        folder: where weights are kept; it exists.
        shared: the folder with ``data``, which is needed for MNIST and CIFAR-10.

    Returns:
        Whether it was trained.

    Raises:
        InputError: the training images are missing, or the file cannot be written.
    """
    import_module("perf.fresh_recipes")  # registers recipes, which other commands do not list
    if (folder / model.file).is_file():
        return False
    data = training_images(model.dataset, shared)
    data = data if model.images is None else data.head(model.images)
    mean, std = NORMALIZATION[model.dataset]
    trained = train(
        model.recipe,
        model.architecture,
        data.images,
        data.labels,
        classes=data.classes,
        settings=load_recipe(model.recipe).configure(model.values),
        seed=model.seed,
        name=model.name,
        dataset=model.dataset,
        mean=mean,
        std=std,
    )
    save_weights(trained.network, folder / model.file)
    return True


def load(model: FreshModel, folder: Path) -> Classifier:
    """A trained model.

    Raises:
        InputError: it has not been trained.
    """
    path = folder / model.file
    if not path.is_file():
        raise InputError(f"{path} is missing; run python -m perf.fresh_models --folder {folder}")
    mean, std = NORMALIZATION[model.dataset]
    return load_file(
        path,
        name=model.name,
        architecture=model.architecture,
        dataset=model.dataset,
        input_shape=SHAPES[model.dataset],
        mean=mean,
        std=std,
    )


def fresh_cases(folder: Path, shared: Path) -> Iterator[Case]:
    """The rows of all models, in the order of their definitions.

    Args:
        folder: where weights are kept.
        shared: the folder with ``data``.
    """
    for model in FRESH:
        for norm, radii in model.budgets.items():
            for eps in radii:
                yield Case(
                    model.name,
                    norm,
                    eps,
                    partial(load, model, folder),
                    partial(_row_images, model, shared),
                )


def clean_accuracy(model: FreshModel, folder: Path, shared: Path) -> float:
    """Share of all test images that a trained model classifies correctly."""
    network, test = load(model, folder), test_images(model.dataset, shared)
    predicted = predicted_classes(network(test.images))
    return float((predicted == test.labels).double().mean())


def _row_images(model: FreshModel, shared: Path) -> Dataset:
    test, first = test_images(model.dataset, shared), FIRST[model.dataset]
    part = slice(first, first + model.examples)
    return Dataset(test.name, test.split, test.images[part], test.labels[part], test.classes)


@cache
def training_images(dataset: str, shared: Path) -> Dataset:
    """The training images of a data set; those of CIFAR-10 are the ones that are kept as JPEG."""
    if dataset == "cifar10":
        return load_npz(shared / "data/cifar10/train_50000_jpeg.npz", dataset)
    return load_dataset(dataset, "train", shared / "data")


def run(
    shared: Shared = None,
    folder: Annotated[
        Path | None,
        typer.Option(help="Where weights are kept; by default fresh, in ~/.cache/nonsingular."),
    ] = None,
    only: Annotated[str, typer.Option(help="Only models that match, such as 'tuning/*'.")] = "*",
    threads: Annotated[int, typer.Option(min=1, help="CPU threads; they change the weights.")] = 1,
) -> None:
    """Train the fresh models that are not in the folder, and print the accuracy of all."""
    compute_on("cpu", threads)
    folder, data = folder or default_folder(), shared_folder(shared)
    folder.mkdir(parents=True, exist_ok=True)
    for model in FRESH:
        if not fnmatchcase(model.name, only):
            continue
        began = time.perf_counter()
        try:
            new = ensure_trained(model, folder, data)
        except InputError as error:
            console.print(f"{model.name}: skipped, {error}")
            continue
        seconds = time.perf_counter() - began
        done = f"trained in {seconds:.0f} s" if new else "kept"
        console.print(f"{model.name}: {done}, clean {clean_accuracy(model, folder, data):.1%}")


def main() -> None:
    """Run the command line."""
    run_command(run)


if __name__ == "__main__":
    main()
