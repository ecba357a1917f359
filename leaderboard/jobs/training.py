"""Training a model of the zoo: from data to a checkpoint and its card."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from pydantic import HttpUrl
from rich.progress import (
    BarColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)

from benchmark import attack_inputs, attack_randomized
from benchmark.datasets import CLASSES, Dataset, load_dataset, load_npz
from leaderboard.output_paths import require_file_place
from leaderboard.terminal.output import console
from models_zoo.architectures import is_random
from models_zoo.card import Card, Robustness
from models_zoo.catalog.writing import card_to_toml
from models_zoo.checkpoint import save_weights, sha256_file
from models_zoo.checkpoint.writing import write_bytes
from models_zoo.classifier import Classifier
from models_zoo.errors import InputError
from models_zoo.inputs import Tokens
from models_zoo.prediction import predicted_classes
from models_zoo.training import Epoch, Settings, train
from models_zoo.training.plan import Measured
from models_zoo.training.progress import Progress as ShowProgress


@dataclass(frozen=True)
class Material:
    """The data of a training run.

    Attributes:
        train: images to train on.
        test: images that are classified once, for the accuracy on the card.
        words: description of the training images for the card; ``None`` for the data set's
            training split.
    """

    train: Dataset
    test: Dataset
    words: str | None = None

    def first(self, examples: int | None) -> Material:
        """The same with only the first training images; all of them for ``None``."""
        if examples is None or examples >= len(self.train):
            return self
        what = self.words or f"{self.train.name} training split"
        train = self.train.head(examples)
        return Material(train, self.test, f"the first {examples:,} images of {what}")


def load_material(
    dataset: str, data: Sequence[Path], test_data: Path | None, data_root: Path | None
) -> Material:
    """Load the images of a training run.

    Args:
        dataset: name of the data set.
        data: archives to train on instead of its training split; they are joined.
        test_data: archive instead of its test split.
        data_root: folder that downloaded data sets are kept in.

    Raises:
        InputError: a file is missing or cannot be read, or images differ in shape.
    """
    classes = CLASSES.get(dataset, 10)
    if data:
        parts = [load_npz(path, dataset, classes) for path in data]
        shapes = {part.input_shape for part in parts}
        if len(shapes) > 1:
            raise InputError(f"--data files hold images of different shapes: {sorted(shapes)}")
        if len({part.inputs for part in parts}) > 1:
            raise InputError("--data files hold different kinds of inputs, or other vocabularies")
        images = torch.cat([part.images for part in parts])
        labels = torch.cat([part.labels for part in parts])
        examples = replace(parts[0], split="train", images=images, labels=labels)
        words = f"{dataset}: {' and '.join(path.name for path in data)}"
    else:
        examples, words = load_dataset(dataset, "train", data_root), None
    if test_data:
        return Material(examples, load_npz(test_data, dataset, classes), words)
    return Material(examples, load_dataset(dataset, "test", data_root), words)


@dataclass(frozen=True)
class Destination:
    """Output files of a training run.

    Attributes:
        weights: a ``.safetensors`` file.
        card: a ``.toml`` file, or nothing.
        dataset: data set of the model; with the file's stem it is the model's name.
        licence: SPDX identifier for the card.
    """

    weights: Path
    card: Path | None
    dataset: str
    licence: str | None

    @property
    def name(self) -> str:
        """Of the model, ``<dataset>/<file>``."""
        return f"{self.dataset}/{self.weights.stem}"

    @property
    def state(self) -> Path:
        """File that keeps the unfinished training."""
        return self.weights.with_name(f"{self.weights.name}.unfinished")

    def at(self, epoch: int | None) -> Destination:
        """The destination of the same training's weights after an early epoch."""
        if epoch is None:
            return self
        weights, card = (
            path and path.with_name(f"{path.stem}-epoch{epoch}{path.suffix}")
            for path in (self.weights, self.card)
        )
        return Destination(weights or self.weights, card, self.dataset, self.licence)

    def check(self) -> None:
        """Check that the files can be written, before anything is computed.

        Raises:
            InputError: a name has the wrong suffix, or a folder is missing or not writable.
        """
        _check_writable(self.weights, ".safetensors")
        if self.card is not None:
            _check_writable(self.card, ".toml")


def train_and_write(
    recipe: str,
    architecture: str,
    settings: Settings,
    material: Material,
    place: Destination,
    *,
    seed: int = 0,
    device: str = "cpu",
    keep: Collection[int] = (),
    measured: Measured | None = None,
    float16: bool = False,
    notes: str = "",
    paper: HttpUrl | None = None,
) -> Card:
    """Train a network, write its weights and card, and those of the epochs to keep.

    An interrupted training resumes after the last finished epoch.

    Args:
        recipe: name of the recipe.
        architecture: name of the architecture.
        settings: of the recipe.
        material: images.
        place: where the model is written; temporary files there are removed.
        seed: root of every random draw.
        device: where to compute.
        keep: earlier epochs whose weights are written as models as well.
        measured: an input attack whose result is put on the card.
        float16: whether weights are rounded to float16 before the model is evaluated and written.
        notes: on the cards.
        paper: likewise.

    Returns:
        The card of the finished model.

    Raises:
        InputError: as :func:`models_zoo.training.train`.
    """
    inputs = material.train.inputs
    mean, std = _normalization(material.train)

    def write(model: Classifier) -> Card:
        model.card = model.card.model_copy(update={"notes": notes, "paper": paper})
        return _write(model, material.test, place, measured, float16=float16)

    with _shown(f"{recipe} {architecture}", settings.epochs) as show:
        model = train(
            recipe,
            architecture,
            material.train.images,
            material.train.labels,
            classes=material.train.classes,
            settings=settings,
            seed=seed,
            name=place.name,
            dataset=place.dataset,
            data=material.words,
            mean=mean,
            std=std,
            device=device,
            progress=show,
            state=place.state,
            keep=keep,
            snapshot=write,
            tokens=inputs if isinstance(inputs, Tokens) else None,
        )
    card = write(model)
    place.state.unlink(missing_ok=True)
    return card


def _normalization(train: Dataset) -> tuple[list[float], list[float]]:
    """Mean and standard deviation of the channels of images; none of token ids."""
    if isinstance(train.inputs, Tokens):
        return [0.0], [1.0]
    by_channel = train.images.transpose(0, 1).flatten(1)
    mean, std = by_channel.mean(1).tolist(), by_channel.std(1).tolist()
    return [round(value, 4) for value in mean], [round(value, 4) for value in std]


def _write(
    model: Classifier,
    test: Dataset,
    place: Destination,
    measured: Measured | None,
    *,
    float16: bool,
) -> Card:
    if float16:
        model.network.half().float()
    training = model.card.training
    place = place.at(training.epoch if training else None)
    save_weights(deepcopy(model.network).half() if float16 else model.network, place.weights)
    card = model.card.model_copy(
        update={
            "name": place.name,
            "checkpoint": place.weights.name,
            "sha256": sha256_file(place.weights),
            "clean_accuracy": round(_clean_accuracy(model, test), 4),
            "robustness": measured and _robustness(model, test, measured),
            "licence": place.licence,
        }
    )
    if place.card is not None:
        write_bytes(place.card, card_to_toml(card).encode())
    return card


def _clean_accuracy(model: Classifier, test: Dataset) -> float:
    if is_random(model.card.architecture):
        return attack_randomized(model, test.images, test.labels, eps=0).expected_clean
    with torch.no_grad():
        predictions = [predicted_classes(model(part)) for part in torch.split(test.images, 500)]
    return int((torch.cat(predictions) == test.labels).sum()) / len(test)


def _robustness(model: Classifier, test: Dataset, measured: Measured) -> Robustness:
    some = test.head(min(measured.examples, len(test)))
    asked, eps = (model, some.images, some.labels), measured.eps
    if is_random(model.card.architecture):
        accuracy = attack_randomized(*asked, eps=eps, effort="quick").expected_robust
        attack = "attack_randomized, effort quick, the mean over 100 draws"
    else:
        robust = attack_inputs(*asked, eps=eps, effort="quick").robust
        accuracy, attack = float(robust.double().mean()), "attack_inputs, effort quick"
    return Robustness(
        accuracy=round(accuracy, 4), norm="linf", eps=eps, examples=len(some), attack=attack
    )


@contextmanager
def _shown(title: str, epochs: int) -> Iterator[ShowProgress]:
    with Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[state]}", markup=False),
        console=console(stderr=True),
    ) as bar:
        task = bar.add_task(title, total=epochs, state="")

        def show(epoch: Epoch) -> None:
            bar.update(
                task,
                completed=epoch.number,
                state=f"loss {epoch.loss:.3f}, held-out clean {epoch.clean:.1%}"
                + ("" if epoch.robust is None else f", robust {epoch.robust:.1%}"),
            )

        yield show


def _check_writable(path: Path, suffix: str) -> None:
    if path.suffix != suffix:
        raise InputError(f"cannot write {path}: its name must end in {suffix}")
    require_file_place(path)
