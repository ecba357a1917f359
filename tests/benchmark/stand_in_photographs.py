"""A package with other pictures under the names of those that scikit-image ships."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmark.concepts import photographs

SHADES = {"brick": 10, "grass": 60, "gravel": 110, "coffee": 160, "motorcycle_left": 160}
"""Smallest gray level of each picture. On light tiles 25 is added, and noise of up to 24 on all, so
that a pixel says which picture and which kind of tile it is from."""

FACES, BACKGROUND = np.arange(100) / 400, 0.5 + np.arange(100) / 400
"""Gray levels: every face and every piece of background has one of its own."""


def install(folder: Path, patch: pytest.MonkeyPatch) -> None:
    """Put the package on the path; it may be read, and not imported.

    Args:
        folder: where it is written.
        patch: takes it away again.
    """
    data = folder / "skimage" / "data"
    data.mkdir(parents=True)
    (folder / "skimage" / "__init__.py").write_text("raise AssertionError", "utf-8")
    draws = np.random.default_rng(0)
    tiles = np.indices((4, 4)).sum(0) % 2 * 25
    light = np.kron(tiles, np.ones((128, 128), int))
    for name, shade in SHADES.items():
        pixels = shade + light + draws.integers(25, size=light.shape)
        Image.fromarray(pixels.astype(np.uint8)).save(data / f"{name}.png", compress_level=0)
    levels = np.concatenate([FACES, BACKGROUND])
    np.save(data / "lfw_subset.npy", levels[:, None, None].repeat(25, 1).repeat(25, 2))
    for path in data.iterdir():
        patch.setitem(photographs.SHA256, path.name, hashlib.sha256(path.read_bytes()).hexdigest())
    patch.syspath_prepend(folder)
