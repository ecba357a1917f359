"""The evaluation examples of a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from benchmark.datasets import CLASSES, SPLITS, Dataset, load_dataset, load_npz
from models_zoo.card import Card
from models_zoo.errors import InputError, unknown_name
from models_zoo.preprocessing import Preprocessing


def preparation_for(dataset: str, models: Sequence[str]) -> Preprocessing | None:
    """How images are prepared for models that are scored on the same ones, without their weights.

    Args:
        dataset: only images of ``imagenet`` are prepared.
        models: names, see :func:`models_zoo.load_model`; a file that brings its network takes
            what the data set's images usually are.

    Raises:
        InputError: there is no such model, or two of them want it differently.
    """
    if dataset != "imagenet":
        return None
    from models_zoo import describe_model
    from models_zoo.sources.program import FORMATS

    named = [name for name in models if Path(name.partition("?")[0]).suffix.lower() not in FORMATS]
    return preparation_of([describe_model(name) for name in named])


def preparation_of(cards: Sequence[Card]) -> Preprocessing | None:
    """How images are prepared for models of which these are the cards.

    A card that does not say it is taken to want ImageNet's usual preparation for images of its
    size.

    Returns:
        ``None`` where there are no cards.

    Raises:
        InputError: two of them want it differently.
    """
    wanted = {card.name: card.preprocessing or _usual(card) for card in cards}
    if len(set(wanted.values())) > 1:
        first, other = list(dict.fromkeys(wanted.values()))[:2]
        names = [next(name for name, each in wanted.items() if each == p) for p in (first, other)]
        raise InputError(
            f"{names[0]} takes images with the {first.text}, {names[1]} with the {other.text}; "
            "score them by a command each"
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
) -> Dataset:
    """The first ``count`` examples from a file, or of one of the data set's own splits.

    Args:
        dataset: name of the battery's data set.
        file: an ``.npz`` to use in place of the data set's own split.
        data_root: folder that downloaded data sets are kept in.
        count: how many; ``None`` for ``usual``, or all where there are fewer.
        usual: how many the battery takes where nothing else is asked for; ``None`` for all.
        split: ``"test"`` or ``"train"``: the split to load, or the one that a file is from.
        preparation: how images of ``imagenet`` are resized and cropped.

    Returns:
        The examples; their ``split`` is the argument's.

    Raises:
        InputError: the data cannot be had, or there are not that many.
    """
    if split not in SPLITS:
        raise unknown_name("split", split, SPLITS)
    if file is None:
        return load_dataset(dataset, split, data_root, count, preparation, usual)
    data = replace(load_npz(file, name=dataset, classes=CLASSES.get(dataset, 10)), split=split)
    if count is not None:
        return data.head(count)
    return data if usual is None else data.head(min(usual, len(data)))
