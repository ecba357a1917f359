"""Fewer pixels and fewer bits: what Pillow does to images."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from PIL import Image

from benchmark.corruptions.corruption import CIFAR_C, Corruption
from benchmark.corruptions.draws import Generators
from benchmark.corruptions.pixels import Bytes


class Pixelate(Corruption[float]):
    """The image is made smaller and larger again."""

    name = "pixelate"
    title = "Pixelate"
    family = "digital"
    description = "Makes the image smaller and larger again with a box filter."
    constants = "share of the side that the small image has"
    levels = (0.95, 0.9, 0.85, 0.75, 0.65)
    least_side = 16

    def corrupt(self, images: Bytes, level: float, each: Generators) -> Bytes:
        """Both steps are those of Pillow."""
        height, width = images.shape[2:]
        small = (int(width * level), int(height * level))
        box = Image.Resampling.BOX
        return np.stack(
            [
                _pixels(_picture(image).resize(small, box).resize((width, height), box))
                for image in images
            ]
        )


class JpegCompression(Corruption[int]):
    """The image is stored as a JPEG file and read again."""

    name = "jpeg_compression"
    title = "JPEG compression"
    family = "digital"
    description = "Stores the image as a JPEG file and reads it again."
    constants = "quality of the file"
    levels = (80, 65, 58, 50, 40)
    source = f"{CIFAR_C}. Bytes differ between versions of Pillow's JPEG library"

    def corrupt(self, images: Bytes, level: int, each: Generators) -> Bytes:
        """Colors are subsampled as Pillow does by default."""
        return np.stack([_through_jpeg(image, level) for image in images])


def _through_jpeg(image: Bytes, quality: int) -> Bytes:
    file = BytesIO()
    _picture(image).save(file, "JPEG", quality=quality)
    with Image.open(file) as read:
        return _pixels(read)


def _picture(image: Bytes) -> Image.Image:
    """An image (C, H, W) for Pillow."""
    return Image.fromarray(image[0] if len(image) == 1 else image.transpose(1, 2, 0))


def _pixels(picture: Image.Image) -> Bytes:
    """An image of Pillow as (C, H, W)."""
    values = np.asarray(picture)
    return values[None] if values.ndim == 2 else values.transpose(2, 0, 1)
