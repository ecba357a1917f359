"""Examples from a NumPy archive, the form in which users bring their own."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmark.datasets import jpeg
from benchmark.datasets.dataset import Dataset
from models_zoo.errors import InputError

_FORM = "x uint8 (N, C, H, W) and y int64 (N,)"


def load_npz(path: str | Path, name: str = "npz", classes: int = 10) -> Dataset:
    """Read labelled images from an ``.npz`` archive; object arrays are refused, never unpickled.

    Args:
        path: archive with ``y`` int64 (N,) and either ``x`` uint8 (N, C, H, W), read as values of
            255, or JPEG files: ``jpeg`` uint8, the bytes of all of them joined, and ``offsets``
            int64 (N + 1,), where image i is ``jpeg[offsets[i]:offsets[i + 1]]``.
        name: what to call the data set.
        classes: number of classes.

    Raises:
        InputError: the file is missing, not such an archive, or an array is not as stated.
    """
    path = Path(path)
    arrays = _read(path)
    packed = "x" not in arrays
    form = jpeg.FORM if packed else _FORM
    labels = arrays["y"]
    if labels.dtype != np.int64 or labels.ndim != 1:
        raise InputError(
            f"{path}: array 'y' is {labels.dtype} with shape {labels.shape}; give {form}"
        )
    if packed:
        images = jpeg.unpack_jpegs(arrays["jpeg"], arrays["offsets"], path)
    else:
        images = _pixels(arrays["x"], path)
    if len(images) != len(labels):
        raise InputError(f"{path}: {len(images)} images but {len(labels)} labels; give {form}")
    if labels.min() < 0 or labels.max() >= classes:
        raise InputError(
            f"{path}: labels must be from 0 to {classes - 1}, got {labels.min()} to {labels.max()}"
        )
    return Dataset(
        name=name,
        split="file",
        images=images.float().div_(255),
        labels=torch.from_numpy(labels),
        classes=classes,
    )


def _pixels(images: NDArray[Any], path: Path) -> torch.Tensor:
    if images.dtype != np.uint8 or images.ndim != 4:
        raise InputError(
            f"{path}: array 'x' is {images.dtype} with shape {images.shape}; give {_FORM}"
        )
    if images.size == 0:
        raise InputError(f"{path}: no images, x has shape {images.shape}; give {_FORM}")
    return torch.from_numpy(images)


def _read(path: Path) -> dict[str, NDArray[Any]]:
    """``y`` with ``x``, or with ``jpeg`` and ``offsets``."""
    if not path.is_file():
        raise InputError(f"data file {path} does not exist or is not a file; check the path")
    try:
        archive = np.load(path, allow_pickle=False)
        if not isinstance(archive, np.lib.npyio.NpzFile):
            raise InputError(f"{path} is a single array; give an .npz with {_FORM}")
        with archive:
            held = set(archive.files)
            packed = "x" not in held and bool(held & {"jpeg", "offsets"})
            wanted = {"jpeg", "offsets", "y"} if packed else {"x", "y"}
            if missing := wanted - held:
                raise InputError(
                    f"{path} lacks {' and '.join(map(repr, sorted(missing)))} "
                    f"(it has {', '.join(archive.files) or 'nothing'}); "
                    f"give {jpeg.FORM if packed else _FORM}"
                )
            return {key: archive[key] for key in wanted}
    except InputError:
        raise
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile) as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise InputError(f"{path} is not a readable .npz ({reason}); give {_FORM}") from error
