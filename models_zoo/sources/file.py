"""Any checkpoint file of a known architecture, as a classifier."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from models_zoo.architectures import Shape, build_skeleton
from models_zoo.card import Card, Source
from models_zoo.checkpoint import fit_weights, read_weights, sha256_file
from models_zoo.classifier import Classifier
from models_zoo.errors import InputError


def load_file(
    path: str | Path,
    *,
    name: str | None = None,
    architecture: str,
    dataset: str,
    classes: int = 10,
    input_shape: Shape,
    mean: Sequence[float],
    std: Sequence[float],
    source: Source = "file",
) -> Classifier:
    """A classifier from a foreign checkpoint file, read safely.

    Args:
        path: see :func:`models_zoo.read_weights` for what is read.
        name: what to call it; by default the file's name without its ending.
        architecture: one of :func:`models_zoo.list_architectures`.
        dataset: the data set it was trained for.
        classes: number of logits.
        input_shape: (channels, height, width) of an image.
        mean: per channel (or one for all), subtracted from images in [0, 1].
        std: per channel (or one for all), divided by afterwards.
        source: what the card says the weights are.

    Raises:
        InputError: the file cannot be read, does not fit, or the description is inconsistent.
    """
    path = Path(path)
    try:
        card = Card(
            name=path.stem if name is None else name,
            dataset=dataset,
            architecture=architecture,
            classes=classes,
            input_shape=input_shape,
            mean=tuple(mean),
            std=tuple(std),
            checkpoint=path.name,
            source=source,
        )
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"])) or "description"
        raise InputError(f"checkpoint {path}: {field}: {first['msg']}") from error
    return classifier_from_file(path, card)


def classifier_from_file(path: Path, card: Card) -> Classifier:
    """A classifier from a file and the card that describes it.

    Where the card has a hash, the file must match it; where it has none, it gets the file's.

    Raises:
        InputError: the file cannot be read, was changed, or does not fit the card.
    """
    network = build_skeleton(card.architecture, classes=card.classes, input_shape=card.input_shape)
    sha256 = sha256_file(path)
    if card.sha256 not in (None, sha256):
        raise InputError(
            f"checkpoint {card.checkpoint} of model {card.name!r} was changed: its SHA-256 is "
            f"{sha256[:12]}..., its card says {str(card.sha256)[:12]}...; install it again"
        )
    fit_weights(network, read_weights(path), source=f"checkpoint {path}")
    return Classifier(network, card.model_copy(update={"sha256": sha256}))
