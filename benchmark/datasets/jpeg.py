"""Images packed as JPEG files in one array, about a tenth of the size of their pixels."""

from __future__ import annotations

import io

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from models_zoo.errors import InputError, reason_of

MAX_PIXELS = 1 << 25
"""Maximum number of pixels of an image."""

MAX_SCANS = 100
"""Maximum number of scans of a file; encoders write up to twelve."""

EXPECTED_ARRAYS = "jpeg uint8 (bytes of all files joined), offsets int64 (N + 1,) and y int64 (N,)"


def unpack_jpegs(
    jpeg: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    source: object,
    most: int = 2 << 30,
) -> torch.Tensor:
    """Decode a pack of JPEG files: gray images as 1 channel, color images as 3.

    Args:
        jpeg: bytes of all files, joined.
        offsets: (N + 1,); image i is ``jpeg[offsets[i]:offsets[i + 1]]``.
        source: where they come from, for messages.
        most: maximum number of bytes of all decoded images together, one per channel and pixel.

    Returns:
        uint8 (N, C, H, W).

    Raises:
        InputError: the offsets do not cut the bytes into files, a file is broken, or its image has
            another shape than the first.
    """
    require_cuts(jpeg, offsets, source)
    content = jpeg.tobytes()
    images: NDArray[np.uint8] | None = None
    known: tuple[int, ...] | None = None
    for i, (start, end) in enumerate(zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True)):
        try:
            with _opened(content[start:end]) as image:
                shape = (1 if image.mode == "L" else 3, image.height, image.width)
                if known is None:
                    _require_room(len(offsets) - 1, shape, source, most)
                    known = shape
                if shape != known:
                    raise InputError(
                        f"{source}: image {i} has shape {shape}, the first one has {known}; give "
                        "images of one shape"
                    )
                pixels = _pixels(image)
        except InputError:
            raise
        except Exception as error:  # a damaged file fails in many ways inside the decoder
            raise InputError(
                f"{source}: image {i} (bytes {start} to {end} of 'jpeg') is not a readable JPEG "
                f"file ({reason_of(error)}); pack it again"
            ) from error
        if images is None:  # memory is allocated once an image has been decoded
            images = np.empty((len(offsets) - 1, *shape), np.uint8)
        images[i] = pixels
    return torch.from_numpy(images)


def _require_room(count: int, shape: tuple[int, ...], source: object, most: int) -> None:
    size = count * shape[0] * shape[1] * shape[2]
    if size > most or shape[1] * shape[2] > MAX_PIXELS:
        raise InputError(
            f"{source}: {count} images of shape {shape} take {size:,} bytes; at most {most:,}, and "
            f"{MAX_PIXELS:,} pixels per image, are read; give smaller or fewer images"
        )


def _opened(content: bytes) -> Image.Image:
    """One file, its header read and nothing decoded."""
    if content.count(b"\xff\xda") > MAX_SCANS:
        raise ValueError(f"it has more than {MAX_SCANS} scans, each of which is decoded in full")
    try:
        return Image.open(io.BytesIO(content), formats=["JPEG"])
    except UnidentifiedImageError:  # its own message is the address of the buffer
        raise ValueError(f"it begins with {content[:8]!r}") from None


def _pixels(image: Image.Image) -> NDArray[np.uint8]:
    """An image as uint8 (C, H, W)."""
    pixels = np.asarray(image if image.mode == "L" else image.convert("RGB"))
    return pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)


def require_cuts(jpeg: NDArray[np.uint8], offsets: NDArray[np.int64], source: object) -> None:
    """Check that offsets split the bytes of a pack into files, none of them empty.

    Raises:
        InputError: they do not.
    """
    for name, array, dtype in (("jpeg", jpeg, np.uint8), ("offsets", offsets, np.int64)):
        if array.dtype != dtype or array.ndim != 1:
            raise InputError(
                f"{source}: array {name!r} is {array.dtype} with shape {array.shape}; give "
                f"{EXPECTED_ARRAYS}"
            )
    if len(offsets) < 2:
        raise InputError(
            f"{source}: no images, 'offsets' has {len(offsets)} numbers; give {EXPECTED_ARRAYS}"
        )
    if offsets[0] != 0 or offsets[-1] != len(jpeg):
        raise InputError(
            f"{source}: 'offsets' must go from 0 to the {len(jpeg)} bytes of 'jpeg', "
            f"got {offsets[0]} to {offsets[-1]}"
        )
    wrong = np.flatnonzero(offsets[1:] <= offsets[:-1])
    if wrong.size:
        i = int(wrong[0])
        raise InputError(
            f"{source}: 'offsets' must ascend, got {offsets[i]} and then {offsets[i + 1]} "
            f"at image {i}"
        )
