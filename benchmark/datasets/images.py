"""Decode one image file, or raise a one-line error that names it."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageFile
from torch import Tensor
from torchvision.transforms import v2
from torchvision.transforms.functional import InterpolationMode

from models_zoo.display import shown
from models_zoo.errors import InputError, reason_of
from models_zoo.preprocessing import Preprocessing

FORMATS = ("JPEG", "PNG")
"""Formats that are decoded, regardless of the file name: some of ImageNet's .JPEG files are PNG."""

MAX_PIXELS = 100_000_000
"""Maximum pixels of an image, before and after resizing: 300 MB."""

_SIXTEEN_BITS = ("I", "I;16", "I;16B", "I;16L", "I;16N")


def read_image(path: Path, preparation: Preprocessing) -> Tensor:
    """An image file as RGB, resized and cropped, uint8 (3, crop, crop).

    Gray images get three equal channels, CMYK images are converted, 16-bit values are reduced to
    their upper 8 bits, transparency is dropped, animations are reduced to their first frame and the
    orientation in EXIF tags is ignored, as in torchvision's loaders.

    Args:
        path: a JPEG or PNG file.
        preparation: how it is resized and cropped.

    Raises:
        InputError: it cannot be read, is neither JPEG nor PNG, is truncated, or would be too large
            in memory.
    """
    try:
        with _strict(), Image.open(path, formats=FORMATS) as image:
            _require_bounded(image.size, preparation)
            image.load()
            pixels: Tensor = _prepare(preparation)(_rgb(image))
    except Exception as error:  # damaged bytes make decoders fail in many ways
        raise InputError(
            f"{shown(path)} is not a readable JPEG or PNG image ({reason_of(error)}); replace it"
        ) from error
    return pixels


@contextmanager
def _strict() -> Iterator[None]:
    """Override Pillow's settings: truncated images raise errors, large ones give no warnings."""
    lenient, ImageFile.LOAD_TRUNCATED_IMAGES = ImageFile.LOAD_TRUNCATED_IMAGES, False
    try:
        with warnings.catch_warnings(action="ignore"):
            yield
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = lenient


def _require_bounded(size: tuple[int, int], preparation: Preprocessing) -> None:
    """Check the size that the header states, before anything is decoded."""
    width, height = size
    shorter, longer = sorted(size)
    resized = preparation.resize**2 * (1 if preparation.squash else longer / shorter)
    if max(width * height, resized) > MAX_PIXELS:
        raise ValueError(f"{width} x {height} pixels, more than {MAX_PIXELS:,} once decoded")


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode in _SIXTEEN_BITS:  # Pillow's own conversion clips at 255
        upper = np.asarray(image).astype(np.int64) >> 8
        return Image.fromarray(upper.clip(0, 255).astype(np.uint8)).convert("RGB")
    return image.convert("RGB")


@cache
def _prepare(preparation: Preprocessing) -> v2.Compose:
    side, crop = preparation.resize, preparation.crop
    size = [side, side] if preparation.squash else [side]
    resize = v2.Resize(size, InterpolationMode(preparation.interpolation))
    return v2.Compose([resize, v2.CenterCrop(crop), v2.PILToTensor()])


def read_images(paths: list[Path], preparation: Preprocessing) -> Tensor:
    """Image files as float32 in [0, 1], (N, 3, crop, crop); see :func:`read_image`.

    Raises:
        InputError: one cannot be read.
    """
    images = torch.empty(len(paths), 3, preparation.crop, preparation.crop)
    for i, path in enumerate(paths):
        images[i] = read_image(path, preparation)
    return images.div_(255)
