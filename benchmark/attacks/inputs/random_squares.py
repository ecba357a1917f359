"""The step of the Square attack: a random square of an image is replaced.

Source: Andriushchenko et al. 2020, "Square attack", section 3.
"""

from __future__ import annotations

import torch
from torch import Tensor


def square_side(area: float, height: int, width: int) -> int:
    """Side, in pixels, of a square that covers a share of the image; at least 1."""
    side = float(area**0.5) * min(height, width)
    return max(1, round(side))


def square_mask(places: Tensor, side: int, height: int, width: int) -> Tensor:
    """One square per image.

    Args:
        places: (n, 2), numbers in [0, 1) that determine the row and the column of its corner.
        side: of the squares, pixels.
        height: of the images.
        width: of the images.

    Returns:
        Bool (n, 1, H, W).
    """
    top = (places[:, 0] * (height - side + 1)).floor().view(-1, 1, 1, 1)
    left = (places[:, 1] * (width - side + 1)).floor().view(-1, 1, 1, 1)
    y = torch.arange(height, device=places.device).view(1, 1, -1, 1)
    x = torch.arange(width, device=places.device).view(1, 1, 1, -1)
    return (y >= top) & (y < top + side) & (x >= left) & (x < left + side)


def linf_proposal(
    clean: Tensor, best: Tensor, displacement: Tensor, places: Tensor, area: float
) -> Tensor:
    """The best images so far, with a random square of each set to a displacement of the clean one.

    Args:
        clean: (n, C, H, W).
        best: (n, C, H, W).
        displacement: (n, C, 1, 1), usually plus or minus the radius per channel.
        places: (n, 2), see :func:`square_mask`.
        area: share of the image that the square covers.
    """
    height, width = best.shape[2:]
    square = square_mask(places, square_side(area, height, width), height, width)
    return torch.where(square, clean + displacement, best)
