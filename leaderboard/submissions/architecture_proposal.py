"""Suggesting an architecture for a checkpoint that was given without one."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from leaderboard.submissions.normalizations import COMMON_NORMALIZATIONS, ChannelValues
from models_zoo import load_file
from models_zoo.checkpoint import FileBytes, read_checkpoint
from models_zoo.display import shown
from models_zoo.errors import InputError
from models_zoo.sources.proposals import NAMES, propose
from models_zoo.units import written

if TYPE_CHECKING:
    from benchmark.datasets import Dataset
    from models_zoo.classifier import Classifier

SCREENING_EXAMPLES, RANKING_EXAMPLES = 64, 256
"""Number of examples that rank all candidates, and the best of them."""

BATCH_SIZE = 64

MAX_COMBINATIONS = 24
"""Maximum number of pairs of architecture and normalization that are tried."""


def missing_architecture(
    file: Path | FileBytes,
    dataset: str,
    data: Dataset,
    mean: list[float] | None,
    std: list[float] | None,
    weights: str | None,
) -> InputError:
    """The error for weights without an architecture, with a suggestion of what to give.

    Every architecture that fits the names and shapes of the weights is tried on the first
    examples, and so are common normalizations if none was given and the file has none. Strides,
    pooling and shortcuts without parameters can only be distinguished by clean accuracy.

    Args:
        file: the checkpoint, or its content.
        dataset: the data set it was trained for.
        data: the evaluation examples.
        mean: the option --mean.
        std: the option --std.
        weights: the option --weights.
    """
    found = read_checkpoint(file, weights=weights)
    called = f"checkpoint {shown(found.file.path)}"
    fitting = propose(found.tensors, data.image_shape, data.classes)
    plain = f"{called} needs --architecture: it holds weights only; "
    if not fitting.architectures or fitting.classes not in (None, data.classes):
        return InputError(plain + fitting.advice(data.classes))

    def load(architecture: str, numbers: tuple[ChannelValues, ChannelValues] | None) -> Classifier:
        subtracted, divided = numbers or (mean, std)
        return load_file(
            found.file,
            architecture=architecture,
            dataset=dataset,
            classes=data.classes,
            input_shape=data.image_shape,
            mean=subtracted,
            std=divided,
            weights=weights,
        )

    first = load(fitting.architectures[0], None)
    known = mean is not None or std is not None or first.card.mean != (0.0,)
    usual = () if known else COMMON_NORMALIZATIONS.get(data.image_shape[0], ())
    pairs = list(product(fitting.architectures, usual or (None,)))[:MAX_COMBINATIONS]
    screened = [(_accuracy(load(*pair), data, SCREENING_EXAMPLES), pair) for pair in pairs]
    best_screened = [pair for _, pair in sorted(screened, key=lambda each: -each[0])[:NAMES]]
    shares = [(_accuracy(load(*pair), data, RANKING_EXAMPLES), pair) for pair in best_screened]
    shares.sort(key=lambda each: -each[0])
    best: dict[str, float] = {}
    for share, (name, _) in shares:
        best.setdefault(name, share)
    listed = ", ".join(f"{name} {share:.1%}" for name, share in best.items())
    architecture, numbers = shares[0][1]
    hint = ", with the best of the usual normalizations" if usual else ""
    return InputError(
        f"{plain}its weights fit {listed} (clean accuracy on the first "
        f"{min(RANKING_EXAMPLES, len(data))} examples{hint}); give --architecture {architecture}"
        f"{_options(numbers)}"
    )


def _options(numbers: tuple[ChannelValues, ChannelValues] | None) -> str:
    if numbers is None or numbers == ((0.0,), (1.0,)):
        return ""
    return f" --mean {written(numbers[0])} --std {written(numbers[1])}"


def _accuracy(model: Classifier, data: Dataset, count: int) -> float:
    images, labels = data.images[:count], data.labels[:count]
    with torch.no_grad():
        batches = zip(torch.split(images, BATCH_SIZE), torch.split(labels, BATCH_SIZE), strict=True)
        correct = [model(x).argmax(1) == y for x, y in batches]
    return float(torch.cat(correct).double().mean())
