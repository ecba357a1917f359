"""scikit-learn's handwritten digits, which come with every installation."""

from __future__ import annotations

import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from benchmark.datasets.dataset import Dataset

N_TEST_EXAMPLES = 600
SPLIT_SEED = 0


def digits(split: str) -> Dataset:
    """One part of the 1,797 digits of 1x8x8 pixels (UCI, Alpaydin and Kaynak 1998).

    There is no official split, so a fixed one is drawn, stratified by class: 1,197 training and 600
    test examples. Both parts are shuffled, so the first few examples are representative.

    Args:
        split: ``"train"`` or ``"test"``.
    """
    bunch = load_digits()
    parts = train_test_split(
        bunch.images,
        bunch.target,
        test_size=N_TEST_EXAMPLES,
        stratify=bunch.target,
        random_state=SPLIT_SEED,
    )
    images, labels = parts[split == "test" :: 2]
    return Dataset(
        name="digits",
        split=split,
        images=torch.from_numpy(images / 16.0).float().unsqueeze(1),
        labels=torch.from_numpy(labels).long(),
        classes=10,
    )
