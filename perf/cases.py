"""What is measured: the available models, their examples and their budgets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

from benchmark.batteries import battery_for
from benchmark.budgets import budget_text
from benchmark.datasets import Dataset, load_dataset, load_npz
from benchmark.spaces.inputs import NORMS
from models_zoo import list_models, load_card, load_file, load_model
from models_zoo.architectures import is_random
from models_zoo.classifier import Classifier
from models_zoo.errors import unknown_name

IMAGENET_MEAN = (0.485, 0.456, 0.406)
SHARED = {
    "cifar10-resnet2b-adv": (
        "cifar-resnet2b",
        (0.4914, 0.4822, 0.4465),
        (0.2471, 0.2435, 0.2616),
    ),
    "cifar10-cnn-a-adv": ("cifar-cnn-a", IMAGENET_MEAN, (0.225, 0.225, 0.225)),
    "cifar10-resnet18-at8": ("resnet18", (0.4914, 0.4822, 0.4465), (0.2471, 0.2435, 0.2616)),
    "cifar10-resnet20-standard": ("cifar-resnet20", IMAGENET_MEAN, (0.229, 0.224, 0.225)),
    "cifar10-resnet56-standard": ("cifar-resnet56", IMAGENET_MEAN, (0.229, 0.224, 0.225)),
}
"""Shared checkpoints next to a development checkout: architecture, mean and deviation."""

SHARED_BUDGETS = [("linf", level / 255) for level in (1, 2, 8)] + [("l2", 0.25), ("l2", 0.5)]
SHARED_EXAMPLES = 200
BUNDLED_EXAMPLES = 300
SLOW = "cifar10/resnet18-standard"
SLOW_BUDGETS = [("linf", 8 / 255), ("l2", 0.5)]
SLOW_EXAMPLES = 200


@dataclass(frozen=True)
class Case:
    """One row to measure.

    Attributes:
        model: name of the model.
        norm: of the balls.
        eps: their radius, input units.
        load: reads the model.
        examples: reads the examples.
    """

    model: str
    norm: str
    eps: float
    load: Callable[[], Classifier]
    examples: Callable[[], Dataset]

    @property
    def label(self) -> str:
        """The label in lines and patterns, such as ``digits/cnn-pgd-at linf 0.2``."""
        return f"{self.model} {self.norm} {budget_text(self.eps)}"


@dataclass(frozen=True)
class WholeModel:
    """A model with all available examples and the battery for it.

    Attributes:
        model: name of the model.
        battery: name of the battery.
        load: reads the model.
        examples: reads the examples.
    """

    model: str
    battery: str
    load: Callable[[], Classifier]
    examples: Callable[[], Dataset]


def repeatable_models(pattern: str = "*") -> list[str]:
    """Names of the zoo's models that draw no random numbers.

    Args:
        pattern: as for :func:`models_zoo.list_models`.
    """
    return [n for n in list_models(pattern) if not is_random(load_card(n).architecture)]


def whole_models(shared: Path) -> Iterator[WholeModel]:
    """Every bundled model that is not random, and every available shared checkpoint.

    Args:
        shared: the folder with ``data/checkpoints`` and ``data/cifar10``; it may be missing.
    """
    data = shared / "data"
    for name, examples in _bundled_models(data):
        battery = battery_for(load_card(name).dataset)
        whole = examples if battery.examples is None else _first(examples, battery.examples)
        yield WholeModel(name, battery.name, partial(load_model, name), whole)
    test = data / "cifar10" / "test_846.npz"
    for name, description in SHARED.items():
        file = data / "checkpoints" / f"{name}.safetensors"
        if file.is_file() and test.is_file():
            yield WholeModel(
                name,
                battery_for("cifar10").name,
                _foreign(file, *description),
                partial(load_npz, test, "cifar10"),
            )


def all_cases(shared: Path, *, slow: bool) -> Iterator[Case]:
    """Every case whose model and examples are available.

    Args:
        shared: the folder with ``data/checkpoints`` and ``data/cifar10``; it may be missing.
        slow: whether to include the large network, which takes minutes per row.
    """
    data = shared / "data"
    test = data / "cifar10" / "test_846.npz"
    for name, description in SHARED.items():
        file = data / "checkpoints" / f"{name}.safetensors"
        if file.is_file() and test.is_file():
            for norm, eps in SHARED_BUDGETS:
                yield Case(name, norm, eps, _foreign(file, *description), _head(test))
    for name, examples in _bundled_models(data):
        yield from _bundled(name, _first(examples, BUNDLED_EXAMPLES))
    if slow and test.is_file():
        for norm, eps in SLOW_BUDGETS:
            yield Case(SLOW, norm, eps, lambda: load_model(SLOW), _head(test, SLOW_EXAMPLES))


def _bundled_models(data: Path) -> Iterator[tuple[str, Callable[[], Dataset]]]:
    """Every bundled model with available test images that is not random, with a loader of them."""
    loaders = {
        "digits": partial(load_dataset, "digits", "test"),
        "mnist": partial(load_dataset, "mnist", "test", data),
        "cifar10": partial(load_npz, data / "cifar10" / "test_846.npz", "cifar10"),
    }
    if not (data / "MNIST").is_dir():
        del loaders["mnist"]
    if not (data / "cifar10" / "test_846.npz").is_file():
        del loaders["cifar10"]
    for name in repeatable_models():
        card = load_card(name)
        if card.source == "bundled" and card.dataset in loaders:
            yield name, loaders[card.dataset]


def _bundled(name: str, examples: Callable[[], Dataset]) -> Iterator[Case]:
    """A bundled model at every budget of its battery."""
    settings = battery_for(load_card(name).dataset).probes["input"]
    for norm in NORMS:
        for eps in getattr(settings, norm, ()):
            yield Case(name, norm, eps, partial(load_model, name), examples)


def _first(examples: Callable[[], Dataset], count: int) -> Callable[[], Dataset]:
    def read() -> Dataset:
        whole = examples()
        return whole.head(min(count, len(whole)))

    return read


def _foreign(
    file: Path, architecture: str, mean: tuple[float, ...], std: tuple[float, ...]
) -> Callable[[], Classifier]:
    def load() -> Classifier:
        return load_file(
            file,
            architecture=architecture,
            dataset="cifar10",
            input_shape=(3, 32, 32),
            mean=mean,
            std=std,
        )

    return load


def _head(file: Path, count: int = SHARED_EXAMPLES) -> Callable[[], Dataset]:
    return lambda: load_npz(file, "cifar10").head(count)


def find_model(name: str, shared: Path) -> tuple[Classifier, Dataset]:
    """An available model with all its examples, by name.

    Args:
        name: such as ``"digits/cnn-pgd-at"`` or ``"cifar10-resnet2b-adv"``.
        shared: the folder with ``data``; it may be missing if the model is not in it.

    Raises:
        InputError: there is no such model, or its files are missing.
    """
    case = find_case(name, shared)
    return case.load(), case.examples()


@cache
def test_images(dataset: str, shared: Path) -> Dataset:
    """All available test images of a data set."""
    if dataset == "cifar10":
        return load_npz(shared / "data/cifar10/test_846.npz", dataset)
    return load_dataset(dataset, "test", shared / "data")


def find_case(name: str, shared: Path) -> WholeModel:
    """An available model by name, with its examples and battery.

    Raises:
        InputError: there is no such model, or its files are missing.
    """
    cases = {case.model: case for case in whole_models(shared)}
    if name not in cases:
        raise unknown_name("available model", name, cases)
    return cases[name]
