"""scikit-learn's handwritten digits: real data that comes with every installation."""

from __future__ import annotations

import json
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch

from benchmark.datasets.dataset import Dataset

LEVELS = 16.0
"""Largest value of a pixel in the file."""


def digits(split: str) -> Dataset:
    """One part of the 1,797 digits of 1x8x8 pixels (UCI, Alpaydin and Kaynak 1998).

    The data set has no official split here, so a fixed one is used, which scikit-learn's
    ``train_test_split`` drew, stratified by class: 1,197 training and 600 test examples. Both parts
    are shuffled, so any first few are representative.

    Args:
        split: ``"train"`` or ``"test"``.

    Raises:
        ModuleNotFoundError: scikit-learn is not installed.
    """
    rows = json.loads((files("benchmark.datasets") / "digits_split.json").read_text("utf-8"))[split]
    table = np.loadtxt(_file(), delimiter=",")[rows]
    return Dataset(
        name="digits",
        split=split,
        images=torch.from_numpy(table[:, :-1] / LEVELS).float().view(-1, 1, 8, 8),
        labels=torch.from_numpy(table[:, -1]).long(),
        classes=10,
    )


def _file() -> Path:
    """The table of scikit-learn, which takes two seconds to import and is not needed for it."""
    package = find_spec("sklearn")
    if package is None or package.origin is None:
        raise ModuleNotFoundError("the digits are a file of scikit-learn, which is not installed")
    return Path(package.origin).parent / "datasets" / "data" / "digits.csv.gz"
