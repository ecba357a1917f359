"""The inputs with which a model is examined to determine the roles of its tensors."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from models_zoo.inputs import kind_of

EXAMINATION_SEED = 0
"""Seed of the noise image and of the trial displacements; no score depends on it."""


def examples_of(inputs: Tensor) -> Tensor:
    """Two of the inputs: an image of the data and one of noise, or the first two texts.

    No weight has only zero inputs for the noise. There is none of texts: every id is a token.

    Args:
        inputs: (N, C, H, W) or (N, L).
    """
    if kind_of(inputs) == "tokens":
        return inputs[:2].detach()
    first = inputs[:1].detach()
    noise = torch.rand(first.shape, generator=Generator().manual_seed(EXAMINATION_SEED))
    return torch.cat([first, noise.to(first)])
