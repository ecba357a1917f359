"""Photographs that scikit-image ships, as files: nothing of the package is imported.

Imported, some of its versions would download a file that is missing. Each file is checked by its
hash, so that a concept has the same images everywhere.
"""

from __future__ import annotations

from collections.abc import Iterable
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from models_zoo.checkpoint import read_file
from models_zoo.errors import InputError
from models_zoo.sources.installed import package_file

if TYPE_CHECKING:
    from numpy.typing import NDArray

ADVICE = "run pip install 'nonsingular[concepts]', or pip install --no-deps scikit-image"
"""How to get the files."""

SHA256 = {
    "brick.png": "7966caf324f6ba843118d98f7a07746d22f6a343430add0233eca5f6eaaa8fcf",
    "coffee.png": "cc02f8ca188b167c775a7101b5d767d1e71792cf762c33d6fa15a4599b5a8de7",
    "grass.png": "b6b6022426b38936c43a4ac09635cd78af074e90f42ffa8227ac8b7452d39f89",
    "gravel.png": "c48615b451bf1e606fbd72c0aa9f8cc0f068ab7111ef7d93bb9b0f2586440c12",
    "lfw_subset.npy": "9560ec2f5edfac01973f63a8a99d00053fecd11e21877e18038fbe500f8e872c",
    "motorcycle_left.png": "db18e9c4157617403c3537a6ba355dfeafe9a7eabb6b9b94cb33f6525dd49179",
}
"""SHA-256 of the files in ``skimage/data``. They are in the wheel and lossless."""

_MOST_BYTES = 4 << 20


def require_photographs(names: Iterable[str]) -> None:
    """Check that files are installed.

    Args:
        names: keys of :data:`SHA256`.

    Raises:
        InputError: one is not.
    """
    for name in names:
        _installed(name)


def photograph(name: str) -> Tensor:
    """The brightness of a photograph, float32 (H, W) in [0, 1].

    Args:
        name: of a PNG file in :data:`SHA256`.

    Raises:
        InputError: the file is missing, or is another one.
    """
    from PIL import Image

    with Image.open(BytesIO(_content(name))) as image:
        pixels = np.array(image.convert("L"))
    return torch.from_numpy(pixels).float() / 255


def labeled_faces() -> tuple[Tensor, Tensor]:
    """Faces and background of photographs in the data set LFW, float32 (100, 25, 25) each.

    Raises:
        InputError: the file is missing, or is another one.
    """
    found: NDArray[np.float64] = np.load(BytesIO(_content("lfw_subset.npy")), allow_pickle=False)
    images = torch.from_numpy(found).float()
    return images[:100], images[100:]


def _content(name: str) -> bytes:
    found = read_file(_installed(name), kind="photograph", most=_MOST_BYTES)
    if found.sha256 != SHA256[name]:
        raise InputError(
            f"{name} of the installed package scikit-image was changed: its SHA-256 is "
            f"{found.sha256[:12]}... instead of {SHA256[name][:12]}...; run pip install --no-deps "
            "--force-reinstall scikit-image"
        )
    return found.data


def _installed(name: str) -> Path:
    path = package_file(f"skimage/data/{name}")
    if path is None:
        raise InputError(
            f"concept images need {name} of the package scikit-image, which is not installed; "
            f"{ADVICE}"
        )
    return path
