"""Examples from a NumPy archive, the form in which users bring their own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from benchmark.datasets import jpeg
from benchmark.datasets.dataset import Dataset
from benchmark.datasets.npz_arrays import UNPACKED, Archive, Header
from models_zoo.checkpoint.content import size_limit
from models_zoo.display import label, shown
from models_zoo.errors import InputError
from models_zoo.torch_modes import fixed_modes

IMAGES = 4
"""Dimensions of an array of images: (N, C, H, W)."""

CHANNELS = (1, 3)
"""How many channels images have."""

_FORM = "x uint8 (N, C, H, W) and y int64 (N,)"


@fixed_modes()
def load_npz(path: str | Path, name: str = "npz", classes: int = 10) -> Dataset:
    """Read labelled images from an ``.npz`` archive; object arrays are refused, never unpickled.

    Args:
        path: archive with ``y`` integers (N,) and either ``x`` uint8 (N, C, H, W), read as values
            of 255, or JPEG files: ``jpeg`` uint8, the bytes of all of them joined, and ``offsets``
            int64 (N + 1,), where image i is ``jpeg[offsets[i]:offsets[i + 1]]``.
        name: what to call the data set.
        classes: number of classes.

    Raises:
        InputError: the file is missing, not such an archive, or an array is not as stated.
    """
    path = Path(path)
    archive = Archive(path, _FORM)
    packed = "x" not in archive.names and bool({"jpeg", "offsets"} & set(archive.names))
    form = jpeg.FORM if packed else _FORM
    wanted = ["jpeg", "offsets", "y"] if packed else ["x", "y"]
    if missing := sorted(set(wanted) - set(archive.names)):
        held = ", ".join(label(name) for name in archive.names[:5]) or "nothing"
        raise InputError(
            f"{shown(path)} lacks {' and '.join(map(repr, missing))} (it has {held}); give {form}"
        )
    headers = archive.headers(wanted)
    _require_labels(headers["y"], path, form)
    if not packed:
        _require_pixels(headers["x"], path)
        _require_pairs(headers["x"].shape[0], headers["y"], path, form)
    labels = archive.load("y", headers["y"])
    if labels.size and (labels.min() < 0 or labels.max() >= classes):
        raise InputError(
            f"{shown(path)}: labels must be from 0 to {classes - 1}, got {labels.min()} to "
            f"{labels.max()}"
        )
    arrays = [archive.load(name, headers[name]) for name in wanted[:-1]]
    if packed:
        jpeg.require_cuts(arrays[0], arrays[1], shown(path))
        _require_pairs(len(arrays[1]) - 1, headers["y"], path, form)
        images = jpeg.unpack_jpegs(arrays[0], arrays[1], shown(path), size_limit(UNPACKED))
    else:
        images = torch.from_numpy(arrays[0])
    return Dataset(
        name=name,
        split="file",
        images=images.float().div_(255),
        labels=torch.from_numpy(labels.astype(np.int64)),
        classes=classes,
    )


def _require_labels(header: Header, path: Path, form: str) -> None:
    if header.dtype.kind not in "iu" or len(header.shape) != 1:
        raise InputError(
            f"{shown(path)}: array 'y' is {header.dtype} with shape {header.shape}; give {form}"
        )


def _require_pairs(images: int, labels: Header, path: Path, form: str) -> None:
    if images != labels.shape[0]:
        raise InputError(
            f"{shown(path)}: {images} images but {labels.shape[0]} labels; give {form}"
        )


def _require_pixels(header: Header, path: Path) -> None:
    shape = header.shape
    if header.dtype != np.uint8 or len(shape) != IMAGES:
        raise InputError(
            f"{shown(path)}: array 'x' is {header.dtype} with shape {shape}; give {_FORM}"
        )
    if 0 in shape:
        raise InputError(f"{shown(path)}: no images, x has shape {shape}; give {_FORM}")
    if shape[3] in CHANNELS and shape[1] not in CHANNELS:
        raise InputError(
            f"{shown(path)}: array 'x' has shape {shape}, which is (N, H, W, C); give "
            "(N, C, H, W), such as x.transpose(0, 3, 1, 2)"
        )
