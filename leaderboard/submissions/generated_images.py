"""Images that are the same everywhere, to call a model with where there are no others.

They come from bytes of NumPy's legacy generator, whose stream is frozen, by integer operations and
one division, so that every machine and version has the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

COUNT = 64
"""Number of images."""

SIDES = (1, 2, 4, 8)
"""Number of squares along the sides of the coarse images; the rest is noise in every pixel."""

SEED = 20240229


def generated_images(input_shape: tuple[int, ...], count: int = COUNT) -> Tensor:
    """Images with structure at several scales, so that a model's logits differ among them.

    Args:
        input_shape: (channels, height, width) of an image.
        count: number of images.

    Returns:
        Float32 (count, channels, height, width), multiples of 1/255.
    """
    import torch

    generator = np.random.RandomState(SEED)
    channels, height, width = input_shape
    kinds = len(SIDES) + 1
    images = np.empty((count, *input_shape), dtype=np.float32)
    for place in range(count):
        kind = place % kinds
        rows, columns = (SIDES[kind],) * 2 if kind < len(SIDES) else (height, width)
        coarse = np.frombuffer(generator.bytes(channels * rows * columns), dtype=np.uint8)
        coarse = coarse.reshape(channels, rows, columns)
        down, across = np.arange(height) * rows // height, np.arange(width) * columns // width
        images[place] = coarse[:, down][:, :, across] / np.float32(255)
    return torch.from_numpy(images)
