"""Examples given as a data set, a loader or batches, collected into one tensor each.

A loader that shuffles gives other examples, or another order of them, in every run: the hash of the
data differs, and with it the key under which results are stored and reused.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Sized
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, RandomSampler, SubsetRandomSampler, WeightedRandomSampler
from torch.utils.data import Dataset as TorchDataset

from benchmark.arguments import Array, count_of
from benchmark.datasets.dataset import Dataset
from models_zoo.caller_warnings import warn_caller
from models_zoo.errors import InputError, reason_of, shown

Examples = Array | Dataset | TorchDataset[Any] | Iterable[Any]
"""Images as a tensor or an array, which labels go with; or images with their labels: a data set of
this suite or of PyTorch, a ``DataLoader``, or an iterable of batches ``(images, labels)``."""

IMAGE_KEYS = ("image", "images", "pixel_values", "img", "x")
LABEL_KEYS = ("label", "labels", "y", "target", "targets")
"""Keys of a batch that is a mapping, as loaders of Hugging Face data sets give them."""

BATCH = 256
"""Images per batch read from a data set of PyTorch; it changes neither examples nor their order."""

_RANDOM = (RandomSampler, SubsetRandomSampler, WeightedRandomSampler)


def examples_of(
    images: Examples, labels: Array | None, most: int | None = None
) -> tuple[Array, Array]:
    """Images and labels, at most the first ``most`` of them.

    Args:
        images: see :data:`Examples`.
        labels: int (N,); ``None`` where ``images`` has them.
        most: maximum number of examples. No further batch of a loader is read. An iterable of
            unknown length needs it.

    Raises:
        InputError: labels are missing, a batch is not images with labels, or there are no batches.
    """
    if most is not None:
        most = count_of("examples", most)
    if isinstance(images, Dataset) and labels is None:
        return images.images[:most], images.labels[:most]
    if labels is not None:
        if most is None or isinstance(images, DataLoader | TorchDataset | Dataset):
            return images, labels  # type: ignore[return-value]  # refused with a hint where it is
        return images[:most], labels[:most]  # type: ignore[index]
    if isinstance(images, Tensor | np.ndarray):
        raise InputError(
            "labels are missing: give labels, int (N,), after the images; without them the second "
            "argument is left out and the first is a data set, a loader or batches"
        )
    if isinstance(images, TorchDataset):
        images = DataLoader(images, batch_size=BATCH)
    return _collected(images, most)


def _collected(batches: object, most: int | None) -> tuple[Tensor, Tensor]:
    if not isinstance(batches, Iterable) or isinstance(batches, str | bytes | Mapping):
        raise InputError(
            f"images must be a tensor, a data set, a loader or an iterable of batches, got "
            f"{shown(batches)}"
        )
    if most is None and not _has_length(batches):
        raise InputError(
            f"{type(batches).__name__} has no length, so it may not end; "
            "say how many examples to take, such as examples=1000"
        )
    _warn_if_shuffled(batches)
    images: list[Tensor] = []
    labels: list[Tensor] = []
    count = 0
    # A loader seeds its workers from the global generator.
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        for number, batch in enumerate(batches):
            one, its_labels = _pair(batch, number)
            if images and one.shape[1:] != images[0].shape[1:]:
                raise InputError(
                    f"batch {number} has images of shape {tuple(one.shape[1:])}, those before have "
                    f"{tuple(images[0].shape[1:])}; resize or crop them to one shape"
                )
            images.append(one)
            labels.append(its_labels)
            count += len(one)
            if most is not None and count >= most:
                break
    if not images:
        raise InputError("there are no examples to evaluate: the loader gave no batch")
    return torch.cat(images)[:most], torch.cat(labels)[:most]


def _has_length(batches: object) -> bool:
    try:
        return isinstance(batches, Sized) and len(batches) >= 0
    except TypeError:  # a loader of an iterable data set
        return False


def _pair(batch: object, number: int) -> tuple[Tensor, Tensor]:
    """Images and labels of a batch, on the CPU."""
    pair: list[object] = []
    if isinstance(batch, Mapping):
        pair = [batch[key] for key in (_key(batch, IMAGE_KEYS), _key(batch, LABEL_KEYS)) if key]
    elif isinstance(batch, list | tuple):
        pair = list(batch[:2])
    if len(pair) < 2:
        kind = f"keys {sorted(map(str, batch))}" if isinstance(batch, Mapping) else _kind(batch)
        raise InputError(
            f"batch {number} must be (images, labels) or a mapping with the keys 'image' and "
            f"'label', got {kind}"
        )
    try:
        images, labels = (torch.as_tensor(each).detach().cpu() for each in pair)
    except (ValueError, TypeError, RuntimeError) as error:
        raise InputError(
            f"batch {number} must hold tensors ({reason_of(error)}); convert images with "
            "torchvision.transforms.ToTensor()"
        ) from error
    if images.ndim != 4 or labels.shape != images.shape[:1]:
        raise InputError(
            f"batch {number} must be images (B, C, H, W) and labels (B,), got shapes "
            f"{tuple(images.shape)} and {tuple(labels.shape)}"
        )
    return images, labels


def _key(batch: Mapping[Any, Any], keys: Sequence[str]) -> str | None:
    return next((key for key in keys if key in batch), None)


def _kind(batch: object) -> str:
    if isinstance(batch, list | tuple):
        return f"a {type(batch).__name__} of length {len(batch)}"
    return f"a {type(batch).__name__}"


def _warn_if_shuffled(batches: object) -> None:
    samplers = [getattr(batches, "sampler", None)]
    samplers.append(getattr(getattr(batches, "batch_sampler", None), "sampler", None))
    if any(isinstance(each, _RANDOM) for each in samplers):
        warn_caller(
            "the loader shuffles: every run takes other examples or another order of them, so that "
            "results are neither comparable example by example nor reused; set shuffle=False"
        )
