"""The evaluation examples of a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from benchmark.batteries import Battery
from benchmark.data_fit import require_form
from benchmark.datasets import CLASSES, SPLITS, Dataset, load_dataset, load_npz
from benchmark.datasets.root import use_root
from models_zoo.card import Card
from models_zoo.errors import InputError, unknown_name
from models_zoo.preprocessing import Preprocessing


def preprocessing_for(dataset: str, models: Sequence[str]) -> Preprocessing | None:
    """Preprocessing of the images that several models are scored on, from the models' names.

    Args:
        dataset: only images of ``imagenet`` are prepared.
        models: names, see :func:`models_zoo.load_model`; files that contain a network use the
            data set's default.

    Raises:
        InputError: there is no such model, or two of them need different preprocessing.
    """
    if dataset != "imagenet":
        return None
    from models_zoo import describe_model
    from models_zoo.sources.program import FORMATS

    named = [name for name in models if Path(name.partition("?")[0]).suffix.lower() not in FORMATS]
    return preprocessing_of([describe_model(name) for name in named])


def preprocessing_of(cards: Sequence[Card]) -> Preprocessing | None:
    """Preprocessing of the images that the models with these cards are scored on.

    Cards without preprocessing use ImageNet's default for images of their size.

    Returns:
        ``None`` where there are no cards of models of images.

    Raises:
        InputError: two of them need different preprocessing.
    """
    images = [card for card in cards if card.tokens is None]
    wanted = {card.name: card.preprocessing or _usual(card) for card in images}
    if len(set(wanted.values())) > 1:
        first, other = list(dict.fromkeys(wanted.values()))[:2]
        names = [next(name for name, each in wanted.items() if each == p) for p in (first, other)]
        raise InputError(
            f"{names[0]} takes images with the {first.text}, {names[1]} with the {other.text}; "
            "score them with separate commands"
        )
    return next(iter(wanted.values()), None)


def _usual(card: Card) -> Preprocessing:
    return Preprocessing.usual(min(card.input_shape[1], card.input_shape[2]))


def evaluation_examples(
    dataset: str,
    file: Path | None,
    data_root: Path | None,
    count: int | None,
    *,
    usual: int | None = None,
    split: str = "test",
    preparation: Preprocessing | None = None,
    battery: Battery | None = None,
    own_data: bool = False,
    allow: str = "--own-data",
) -> Dataset:
    """The first ``count`` examples from a file, or of one of the data set's own splits.

    Args:
        dataset: name of the battery's data set.
        file: an ``.npz`` to use instead of the data set's own split.
        data_root: folder that downloaded data sets are kept in, and what probes read besides the
            examples.
        count: number of examples; ``None`` for ``usual``, or all if there are fewer.
        usual: the battery's default number; ``None`` for all.
        split: ``"test"`` or ``"train"``: the split to load, or the one that a file is from.
        preparation: how images of ``imagenet`` are resized and cropped.
        battery: the battery whose data set the images of a file must be like, in their shape and
            labels.
        own_data: whether they may be unlike them; their classes are then counted from the labels.
        allow: how the user sets ``own_data``, for messages.

    Returns:
        The examples; their ``split`` is the argument's.

    Raises:
        InputError: the data cannot be loaded, are not such as the battery is for, or has too few
            examples.
    """
    if own_data and file is None:
        raise InputError("--own-data goes with --data, such as --data images.npz")
    if split not in SPLITS:
        raise unknown_name("split", split, SPLITS)
    use_root(data_root)
    if file is None:
        return load_dataset(dataset, split, data_root, count, preparation, usual)
    classes = None if own_data else CLASSES.get(dataset)
    data = replace(load_npz(file, name=dataset, classes=classes), split=split)
    if battery is not None:
        require_form(battery, data.images, data.labels, own_data=own_data, allow=allow)
    if count is not None:
        return data.head(count)
    return data if usual is None else data.head(min(usual, len(data)))
