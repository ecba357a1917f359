"""Data sets through torchvision, downloaded if they are missing."""

from __future__ import annotations

import contextlib
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torchvision import datasets

from benchmark.datasets.dataset import Dataset
from benchmark.datasets.root import ROOT_VARIABLE
from models_zoo.errors import InputError

_TIMEOUT_SECONDS = 30.0
"""Seconds without an answer after which a download is aborted."""


@dataclass(frozen=True)
class Listing:
    """A data set of torchvision.

    Attributes:
        kind: name of torchvision's class.
        classes: number of classes.
        files: the files in the root, for messages.
        origin: where torchvision downloads it from.
    """

    kind: str
    classes: int
    files: str
    origin: str


LISTINGS = {
    "cifar10": Listing(
        "CIFAR10",
        10,
        "cifar-10-batches-py/ with data_batch_1 to data_batch_5, test_batch and batches.meta",
        "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
    ),
    "cifar100": Listing(
        "CIFAR100",
        100,
        "cifar-100-python/ with train, test and meta",
        "https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz",
    ),
    "fashion-mnist": Listing(
        "FashionMNIST",
        10,
        "FashionMNIST/raw/ with the four {train,t10k}-{images-idx3,labels-idx1}-ubyte",
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",
    ),
    "mnist": Listing(
        "MNIST",
        10,
        "MNIST/raw/ with the four {train,t10k}-{images-idx3,labels-idx1}-ubyte",
        "https://ossci-datasets.s3.amazonaws.com/mnist and http://yann.lecun.com/exdb/mnist",
    ),
    "svhn": Listing(
        "SVHN",
        10,
        "train_32x32.mat and test_32x32.mat",
        "http://ufldl.stanford.edu/housenumbers",
    ),
}
"""MNIST (LeCun et al. 1998), Fashion-MNIST (Xiao et al. 2017), CIFAR (Krizhevsky 2009) and the
cropped digits of SVHN (Netzer et al. 2011)."""


def downloaded(name: str, split: str, root: Path) -> Dataset:
    """One split of a data set of :data:`LISTINGS`, in its official order.

    Args:
        name: a key of :data:`LISTINGS`.
        split: ``"train"`` or ``"test"``.
        root: folder with the listing's files, which are downloaded if they are missing.

    Raises:
        InputError: the files are missing and cannot be downloaded, or they cannot be read.
    """
    listing = LISTINGS[name]
    source = _open(name, listing, split, root)
    pixels = torch.as_tensor(source.data)
    if pixels.ndim == 3:
        pixels = pixels.unsqueeze(1)
    elif listing.kind.startswith("CIFAR"):
        pixels = pixels.permute(0, 3, 1, 2)
    labels = torch.as_tensor(source.labels if listing.kind == "SVHN" else source.targets)
    return Dataset(
        name=name,
        split=split,
        images=pixels.float().div_(255).contiguous(),
        labels=labels.long(),
        classes=listing.classes,
    )


def _open(name: str, listing: Listing, split: str, root: Path) -> Any:
    """The torchvision data set, downloaded if it is missing."""
    kind: Callable[..., Any] = getattr(datasets, listing.kind)
    part = {"split": split} if listing.kind == "SVHN" else {"train": split == "train"}
    where = f"put {listing.files} into {root}, or name the folder that holds it with --data-root "
    where += f"or {ROOT_VARIABLE}"
    try:
        return kind(root, **part, download=False)
    except (
        Exception
    ) as error:  # for some only the presence of files is checked, so parsing may fail
        if "not found" not in str(error):  # torchvision's message for missing or corrupted files
            raise InputError(
                f"the files of data set {name!r} in {root} cannot be read ({_reason(error)}); "
                f"remove them, so that they are downloaded again, or {where}"
            ) from error
    try:
        with _download():
            return kind(root, **part, download=True)
    except (RuntimeError, OSError) as error:  # a failed connection is an OSError
        raise InputError(
            f"data set {name!r} is not (whole) in {root} and could not be downloaded from "
            f"{listing.origin} ({_reason(error)}); {where}"
        ) from error


@contextlib.contextmanager
def _download() -> Iterator[None]:
    """Redirect what torchvision prints to stderr, and set a timeout."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_TIMEOUT_SECONDS)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        socket.setdefaulttimeout(before)


def _reason(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
