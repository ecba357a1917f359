"""Examples from a NumPy archive, the form in which users bring their own."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from benchmark.datasets.dataset import Dataset
from models_zoo.errors import InputError

_FORM = "x uint8 (N, C, H, W) and y int64 (N,)"


def load_npz(path: str | Path, name: str = "npz", classes: int = 10) -> Dataset:
    """Read labelled images from an ``.npz`` archive; object arrays are refused, never unpickled.

    Args:
        path: archive with ``x`` uint8 (N, C, H, W), read as values of 255, and ``y`` int64 (N,).
        name: what to call the data set.
        classes: number of classes.

    Raises:
        InputError: the file is missing, not such an archive, or an array is not as stated.
    """
    path = Path(path)
    images, labels = _read(path)
    for key, array, dtype, dimensions in (("x", images, np.uint8, 4), ("y", labels, np.int64, 1)):
        if array.dtype != dtype or array.ndim != dimensions:
            raise InputError(
                f"{path}: array {key!r} is {array.dtype} with shape {array.shape}; give {_FORM}"
            )
    if len(images) != len(labels):
        raise InputError(f"{path}: {len(images)} images but {len(labels)} labels; give {_FORM}")
    if images.size == 0:
        raise InputError(f"{path}: no images, x has shape {images.shape}; give {_FORM}")
    if labels.min() < 0 or labels.max() >= classes:
        raise InputError(
            f"{path}: labels must be from 0 to {classes - 1}, got {labels.min()} to {labels.max()}"
        )
    return Dataset(
        name=name,
        split="file",
        images=torch.from_numpy(images).float().div_(255),
        labels=torch.from_numpy(labels),
        classes=classes,
    )


def _read(path: Path) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    if not path.is_file():
        raise InputError(f"data file {path} does not exist or is not a file; check the path")
    try:
        archive = np.load(path, allow_pickle=False)
        if not isinstance(archive, np.lib.npyio.NpzFile):
            raise InputError(f"{path} is a single array; give an .npz with {_FORM}")
        with archive:
            missing = {"x", "y"} - set(archive.files)
            if missing:
                raise InputError(
                    f"{path} lacks {' and '.join(map(repr, sorted(missing)))} "
                    f"(it has {', '.join(archive.files) or 'nothing'}); give {_FORM}"
                )
            return archive["x"], archive["y"]
    except InputError:
        raise
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile) as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise InputError(f"{path} is not a readable .npz ({reason}); give {_FORM}") from error
