"""CIFAR-10 and MNIST through torchvision, downloaded where they are not there yet."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch
from torchvision import datasets

from benchmark.datasets.dataset import Dataset
from models_zoo.errors import InputError

ROOT_VARIABLE = "NONSINGULAR_DATA"
"""Environment variable that names the folder data sets are kept in."""


def default_root() -> Path:
    """The folder of :data:`ROOT_VARIABLE`, or ``~/.cache/nonsingular``."""
    return Path(os.environ.get(ROOT_VARIABLE) or Path.home() / ".cache" / "nonsingular")


def cifar10(split: str, root: Path) -> Dataset:
    """CIFAR-10: 50,000 training and 10,000 test images of 3x32x32 (Krizhevsky 2009).

    Args:
        split: ``"train"`` or ``"test"``; each in its official order.
        root: folder with ``cifar-10-batches-py``, which is downloaded where it is missing.

    Raises:
        InputError: the files are missing and cannot be downloaded.
    """
    source = _open(datasets.CIFAR10, "cifar10", "cifar-10-batches-py", split, root)
    pixels = torch.from_numpy(source.data).permute(0, 3, 1, 2)
    return _dataset("cifar10", split, pixels, torch.tensor(source.targets))


def mnist(split: str, root: Path) -> Dataset:
    """MNIST: 60,000 training and 10,000 test images of 1x28x28 (LeCun et al. 1998).

    Args:
        split: ``"train"`` or ``"test"``; each in its official order.
        root: folder with ``MNIST/raw``, which is downloaded where it is missing.

    Raises:
        InputError: the files are missing and cannot be downloaded.
    """
    source = _open(datasets.MNIST, "mnist", "MNIST/raw", split, root)
    return _dataset("mnist", split, source.data.unsqueeze(1), source.targets)


def _open(kind: Any, name: str, folder: str, split: str, root: Path) -> Any:
    train = split == "train"
    try:
        return kind(root, train=train, download=False)
    except RuntimeError:  # torchvision's word for files that are missing or damaged
        pass
    try:
        return kind(root, train=train, download=True)
    except (RuntimeError, OSError) as error:  # a failed connection is an OSError
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise InputError(
            f"data set {name!r} is not in {root} and could not be downloaded ({reason}); put its "
            f"files into {root / folder}, or name their folder with --data-root or {ROOT_VARIABLE}"
        ) from error


def _dataset(name: str, split: str, pixels: torch.Tensor, labels: torch.Tensor) -> Dataset:
    images = pixels.float().div_(255).contiguous()
    return Dataset(name=name, split=split, images=images, labels=labels.long(), classes=10)
