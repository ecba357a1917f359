"""Data sets by name, and examples from files; all as :class:`Dataset`."""

from __future__ import annotations

from pathlib import Path

from benchmark.datasets.dataset import Dataset
from benchmark.datasets.npz import load_npz
from models_zoo.errors import unknown_name

DATASETS = ("cifar10", "digits", "mnist")
"""Names that :func:`load_dataset` accepts."""

SPLITS = ("train", "test")

__all__ = ["DATASETS", "SPLITS", "Dataset", "load_dataset", "load_npz"]


def load_dataset(name: str, split: str = "test", data_root: str | Path | None = None) -> Dataset:
    """One split of a data set, whole.

    Args:
        name: one of :data:`DATASETS`.
        split: ``"train"`` or ``"test"``.
        data_root: folder that downloaded data sets are kept in; by default that of the
            environment variable ``NONSINGULAR_DATA``, or ``~/.cache/nonsingular``. ``digits``
            needs none.

    Raises:
        InputError: the name or split is unknown, or the data can be neither found nor downloaded.
    """
    if name not in DATASETS:
        raise unknown_name("data set", name, DATASETS)
    if split not in SPLITS:
        raise unknown_name("split", split, SPLITS)
    if name == "digits":
        from benchmark.datasets.digits import digits

        return digits(split)
    from benchmark.datasets import downloaded

    load = downloaded.cifar10 if name == "cifar10" else downloaded.mnist
    return load(split, Path(data_root) if data_root else downloaded.default_root())
