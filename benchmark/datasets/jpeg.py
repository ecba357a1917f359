"""Images packed as JPEG files in one array: a tenth of the size of their pixels."""

from __future__ import annotations

import io

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from models_zoo.errors import InputError

FORM = "jpeg uint8 (bytes of all files joined), offsets int64 (N + 1,) and y int64 (N,)"


def unpack_jpegs(
    jpeg: NDArray[np.uint8], offsets: NDArray[np.int64], source: object
) -> torch.Tensor:
    """Decode a pack of JPEG files, each as it was written: grey as 1 channel, colour as 3.

    Args:
        jpeg: bytes of all files, joined.
        offsets: (N + 1,); image i is ``jpeg[offsets[i]:offsets[i + 1]]``.
        source: where they come from, for messages.

    Returns:
        uint8 (N, C, H, W).

    Raises:
        InputError: the offsets do not cut the bytes into files, a file is broken, or its image has
            another shape than the first.
    """
    _require_cuts(jpeg, offsets, source)
    content = jpeg.tobytes()
    images: NDArray[np.uint8] | None = None
    for i, (start, end) in enumerate(zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True)):
        try:
            image = _decode(content[start:end])
        except (OSError, ValueError) as error:
            raise InputError(
                f"{source}: image {i} (bytes {start} to {end} of 'jpeg') is not a readable JPEG "
                f"file ({error}); pack it again"
            ) from error
        if images is None:
            images = np.empty((len(offsets) - 1, *image.shape), np.uint8)
        if image.shape != images.shape[1:]:
            raise InputError(
                f"{source}: image {i} has shape {image.shape}, the first one has "
                f"{images.shape[1:]}; give images of one shape"
            )
        images[i] = image
    return torch.from_numpy(images)


def _decode(content: bytes) -> NDArray[np.uint8]:
    """One file as uint8 (C, H, W)."""
    try:
        with Image.open(io.BytesIO(content), formats=["JPEG"]) as image:
            pixels = np.asarray(image if image.mode == "L" else image.convert("RGB"))
    except UnidentifiedImageError:  # its own text is the address of the buffer
        raise ValueError(f"it begins with {content[:8]!r}") from None
    return pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)


def _require_cuts(jpeg: NDArray[np.uint8], offsets: NDArray[np.int64], source: object) -> None:
    for name, array, dtype in (("jpeg", jpeg, np.uint8), ("offsets", offsets, np.int64)):
        if array.dtype != dtype or array.ndim != 1:
            raise InputError(
                f"{source}: array {name!r} is {array.dtype} with shape {array.shape}; give {FORM}"
            )
    if len(offsets) < 2:
        raise InputError(f"{source}: no images, 'offsets' has {len(offsets)} numbers; give {FORM}")
    if offsets[0] != 0 or offsets[-1] != len(jpeg):
        raise InputError(
            f"{source}: 'offsets' must go from 0 to the {len(jpeg)} bytes of 'jpeg', "
            f"got {offsets[0]} to {offsets[-1]}"
        )
    wrong = np.flatnonzero(np.diff(offsets) <= 0)
    if wrong.size:
        i = int(wrong[0])
        raise InputError(
            f"{source}: 'offsets' must ascend, got {offsets[i]} and then {offsets[i + 1]} "
            f"at image {i}"
        )
