"""The evaluation examples of a run."""

from __future__ import annotations

from pathlib import Path

from benchmark.datasets import CLASSES, Dataset, load_dataset, load_npz


def evaluation_examples(
    dataset: str, file: Path | None, data_root: Path | None, count: int | None
) -> Dataset:
    """The first ``count`` examples from a file, or of the data set's own test split.

    Args:
        dataset: name of the battery's data set.
        file: an ``.npz`` to use in place of the test split.
        data_root: folder that downloaded data sets are kept in.
        count: how many; ``None`` for all.

    Raises:
        InputError: the data cannot be had, or there are not that many.
    """
    if file is None:
        return load_dataset(dataset, "test", data_root, count)
    data = load_npz(file, name=dataset, classes=CLASSES.get(dataset, 10))
    return data if count is None else data.head(count)
