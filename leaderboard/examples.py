"""The evaluation examples of a run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from benchmark.datasets import CLASSES, SPLITS, Dataset, load_dataset, load_npz
from models_zoo.errors import unknown_name


def evaluation_examples(
    dataset: str,
    file: Path | None,
    data_root: Path | None,
    count: int | None,
    *,
    usual: int | None = None,
    split: str = "test",
) -> Dataset:
    """The first ``count`` examples from a file, or of one of the data set's own splits.

    Args:
        dataset: name of the battery's data set.
        file: an ``.npz`` to use in place of the data set's own split.
        data_root: folder that downloaded data sets are kept in.
        count: how many; ``None`` for ``usual``, or all where there are fewer.
        usual: how many the battery takes where nothing else is asked for; ``None`` for all.
        split: ``"test"`` or ``"train"``: the split to load, or the one that a file is from.

    Returns:
        The examples; their ``split`` is the argument's.

    Raises:
        InputError: the data cannot be had, or there are not that many.
    """
    if split not in SPLITS:
        raise unknown_name("split", split, SPLITS)
    if file is not None:
        data = replace(load_npz(file, name=dataset, classes=CLASSES.get(dataset, 10)), split=split)
    else:
        few = dataset == "imagenet"  # never held whole
        data = load_dataset(dataset, split, data_root, (count or usual) if few else None)
    if count is not None:
        return data.head(count)
    return data if usual is None else data.head(min(usual, len(data)))
