"""Examples from a NumPy archive."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from benchmark.datasets import jpeg
from benchmark.datasets.dataset import Dataset
from benchmark.datasets.labels import class_labels, require_label_type, require_pixels
from benchmark.datasets.npz_arrays import MAX_UNPACKED_BYTES, Archive
from benchmark.datasets.token_archive import VOCABULARY, texts_of
from models_zoo.checkpoint.content import size_limit
from models_zoo.display import label, shown
from models_zoo.errors import InputError
from models_zoo.torch_modes import fixed_modes

_EXPECTED_ARRAYS = "x uint8 (N, C, H, W) and y int64 (N,)"


@fixed_modes()
def load_npz(path: str | Path, name: str = "npz", classes: int | None = 10) -> Dataset:
    """Read labeled images or texts from an ``.npz`` archive; nothing in it is unpickled.

    Args:
        path: archive with ``y``, integers (N,), a column or one-hot, and either ``x`` uint8 (N, C,
            H, W), which is divided by 255, or JPEG files: ``jpeg`` uint8, the bytes of all of them
            joined, and ``offsets`` int64 (N + 1,), where image i is
            ``jpeg[offsets[i]:offsets[i + 1]]``. If it has an array ``vocab`` it holds texts, see
            :mod:`benchmark.datasets.token_archive`.
        name: what to call the data set.
        classes: number of classes; ``None`` for the largest label plus 1, at least 2.

    Raises:
        InputError: the file is missing, not such an archive, or an array is not as stated.
    """
    path = Path(path)
    archive = Archive(path, _EXPECTED_ARRAYS)
    if VOCABULARY in archive.names:
        return texts_of(archive, name, classes)
    packed = "x" not in archive.names and bool({"jpeg", "offsets"} & set(archive.names))
    form = jpeg.EXPECTED_ARRAYS if packed else _EXPECTED_ARRAYS
    wanted = ["jpeg", "offsets", "y"] if packed else ["x", "y"]
    if missing := sorted(set(wanted) - set(archive.names)):
        held = ", ".join(label(name) for name in archive.names[:5]) or "nothing"
        raise InputError(
            f"{shown(path)} lacks {' and '.join(map(repr, missing))} (it has {held}); give {form}"
        )
    headers = archive.headers(wanted)
    if not packed:
        require_pixels(headers["x"], path, form)
    require_label_type(headers["y"], path, form)
    labels = class_labels(archive.load("y", headers["y"]), path, form)
    if not packed:
        _require_pairs(headers["x"].shape[0], labels, path, form)
    if classes is None:
        classes = max(2, int(labels.max(initial=0)) + 1)
    if labels.size and (labels.min() < 0 or labels.max() >= classes):
        hint = "; count them from 0, y - 1" if (labels.min(), labels.max()) == (1, classes) else ""
        raise InputError(
            f"{shown(path)}: labels must be from 0 to {classes - 1}, got {labels.min()} to "
            f"{labels.max()}{hint}"
        )
    arrays = [archive.load(name, headers[name]) for name in wanted[:-1]]
    if packed:
        jpeg.require_cuts(arrays[0], arrays[1], shown(path))
        _require_pairs(len(arrays[1]) - 1, labels, path, form)
        images = jpeg.unpack_jpegs(
            arrays[0], arrays[1], shown(path), size_limit(MAX_UNPACKED_BYTES)
        )
    else:
        images = torch.from_numpy(arrays[0])
    return Dataset(
        name=name,
        split="file",
        images=images.float().div_(255),
        labels=torch.from_numpy(labels),
        classes=classes,
    )


def _require_pairs(images: int, labels: NDArray[np.int64], path: Path, form: str) -> None:
    if images != len(labels):
        raise InputError(f"{shown(path)}: {images} images but {len(labels)} labels; give {form}")
