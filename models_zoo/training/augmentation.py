"""Random, label-preserving changes of training images."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def shifted(images: Tensor, pixels: int, generator: torch.Generator) -> Tensor:
    """Each image shifted by up to ``pixels`` along both axes, padded with zeros.

    Args:
        images: (N, C, H, W).
        pixels: largest shift; every whole number of pixels up to it is equally likely.
        generator: source of the shifts, on the CPU.
    """
    count, channels, height, width = images.shape
    padded = F.pad(images, (pixels,) * 4)
    move = torch.randint(2 * pixels + 1, (2, count), generator=generator).to(images.device)
    rows = (move[0, :, None] + torch.arange(height, device=images.device))[:, None, :, None]
    columns = (move[1, :, None] + torch.arange(width, device=images.device))[:, None, None, :]
    image = torch.arange(count, device=images.device)[:, None, None, None]
    channel = torch.arange(channels, device=images.device)[None, :, None, None]
    return padded[image, channel, rows, columns]


def flipped(images: Tensor, generator: torch.Generator) -> Tensor:
    """Each image flipped horizontally with probability one half.

    Args:
        images: (N, C, H, W).
        generator: source of the choices, on the CPU.
    """
    mirror = torch.rand(len(images), generator=generator).to(images.device) < 0.5
    return torch.where(mirror[:, None, None, None], images.flip(3), images)


def noisy(images: Tensor, largest: float, generator: torch.Generator) -> Tensor:
    """Each image with Gaussian noise, its standard deviation uniform from 0 to ``largest``.

    It hides fine structure, such as JPEG artifacts, so that the model does not depend on it.

    Args:
        images: (N, C, H, W), kept in [0, 1].
        largest: in input units.
        generator: source of the standard deviations and the noise, on the CPU.
    """
    deviation = largest * torch.rand(len(images), 1, 1, 1, generator=generator)
    noise = torch.randn(images.shape, generator=generator) * deviation
    return (images + noise.to(images.device)).clamp(0, 1)
