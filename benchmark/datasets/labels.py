"""Class labels from archives as int64 (N,)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.datasets.npy_header import Header
from models_zoo.display import shown
from models_zoo.errors import InputError

_DIMENSIONS, _FLAT = 4, 2
"""Number of dimensions of an array of images (N, C, H, W), and of one of flattened images."""

_CHANNELS = (1, 3, 4)
"""Usual numbers of channels, to recognize that channels are the last dimension."""

_MAX_EXACT_INTEGER = 2**53
"""Smallest integer beyond which float64 skips integers."""


def require_label_type(labels: Header, path: Path, form: str) -> None:
    """Check that labels are numbers, before they are unpacked.

    Args:
        labels: header of the array.
        path: the file, for messages.
        form: the expected content of the file, for messages.

    Raises:
        InputError: they are not numbers.
    """
    if labels.dtype.kind not in "iubf":
        raise InputError(
            f"{shown(path)}: array 'y' is {labels.dtype} with shape {labels.shape}; labels are "
            f"whole numbers from 0, give {form}"
        )


def class_labels(labels: NDArray[Any], path: Path, form: str) -> NDArray[np.int64]:
    """Labels as int64 (N,), from whole numbers of any type, a column, or a one-hot matrix.

    Args:
        labels: (N,) or (N, 1) of integers, booleans or floats, or one-hot (N, classes).
        path: the file they are from, for messages.
        form: the expected content of the file, for messages.

    Raises:
        InputError: they have another form.
    """
    kind = f"{labels.dtype} with shape {labels.shape}"
    numbers = labels.astype(np.float64) if labels.dtype.kind == "f" else labels
    if labels.dtype.kind == "f" and not np.array_equal(numbers, np.rint(numbers)):
        raise InputError(
            f"{shown(path)}: array 'y' is {kind} and not whole numbers; logits or probabilities "
            f"are not labels, give {form} such as y.argmax(1)"
        )
    if (
        numbers.size
        and not -_MAX_EXACT_INTEGER
        < float(numbers.min())
        <= float(numbers.max())
        < _MAX_EXACT_INTEGER
    ):
        raise InputError(
            f"{shown(path)}: array 'y' holds {numbers.max():.6g}, which is not a class; give {form}"
        )
    whole: NDArray[np.int64] = numbers.astype(np.int64)
    if whole.ndim == 2 and whole.shape[1] == 1:
        whole = whole.reshape(len(whole))
    elif whole.ndim == 2 and _one_hot(whole):
        whole = whole.argmax(1).astype(np.int64)
    if whole.ndim != 1:
        raise InputError(
            f"{shown(path)}: array 'y' is {kind}, neither one label per image nor one-hot; "
            f"give {form}"
        )
    return whole


def _one_hot(rows: NDArray[np.int64]) -> bool:
    """Whether each row has a single 1 and otherwise zeros."""
    binary = bool(((rows == 0) | (rows == 1)).all())
    return rows.shape[1] > 1 and binary and bool((rows.sum(1) == 1).all())


def require_pixels(images: Header, path: Path, form: str) -> None:
    """Check that images are uint8 (N, C, H, W); the error says how to convert them.

    Args:
        images: header of the array.
        path: the file, for messages.
        form: the expected content of the file, for messages.

    Raises:
        InputError: they have another shape or type, or there are none.
    """
    plain = images.dtype == np.uint8 and len(images.shape) == _DIMENSIONS
    if plain and not _channels_last(images.shape):
        if 0 in images.shape:
            raise InputError(f"{shown(path)}: no images, x has shape {images.shape}; give {form}")
        return
    raise InputError(
        f"{shown(path)}: array 'x' is {images.dtype} with shape {images.shape}"
        f"{_hint(images)}; give {form}"
    )


def _channels_last(shape: tuple[int, ...]) -> bool:
    return len(shape) == _DIMENSIONS and shape[-1] in _CHANNELS and shape[1] not in _CHANNELS


def _hint(images: Header) -> str:
    hints = []
    if images.dtype.kind == "f":
        hints.append(
            "values from 0 to 1 become (x * 255).round().astype('uint8'), values from 0 to 255 "
            "x.round().astype('uint8')"
        )
    elif images.dtype.kind in "iub" and images.dtype != np.uint8:
        hints.append("values from 0 to 255 become x.astype('uint8')")
    if _channels_last(images.shape):
        hints.append("which is (N, H, W, C): give (N, C, H, W) by x.transpose(0, 3, 1, 2)")
    elif len(images.shape) == _DIMENSIONS - 1:
        hints.append("gray images need a channel: x[:, None]")
    elif len(images.shape) == _FLAT:
        hints.append("flat images need their shape: x.reshape(-1, channels, height, width)")
    return f" ({'; '.join(hints)})" if hints else ""
