"""A random model as a deterministic one: its mean prediction at fixed draws."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from benchmark.generators import seed_generators
from benchmark.outputs import logits_of
from benchmark.subject import Passes, Subject


class Averaged(nn.Module):
    """The logarithm of the mean softmax over draws; at one draw, that draw's own logits.

    Args:
        model: from images (N, C, H, W) to logits.
        seeds: of the draws.
        passes: where all but one of the passes of a call are counted.
    """

    def __init__(self, model: nn.Module, seeds: Sequence[int], passes: Passes) -> None:
        super().__init__()
        self._model, self._seeds, self._passes = model, tuple(seeds), passes

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, K)."""
        found = []
        for seed in self._seeds:
            seed_generators(seed, images.device)
            own = images.clone() if len(self._seeds) > 1 else images
            found.append(logits_of(self._model(own), images.dtype))
        self._passes.forwards += (len(found) - 1) * len(images)
        if len(found) == 1:
            return found[0]
        likely = torch.stack([logits.log_softmax(1) for logits in found])
        return likely.logsumexp(0) - math.log(len(found))


def averaged(subject: Subject, seeds: Sequence[int]) -> Subject:
    """The subject at fixed draws.

    Args:
        subject: a random model with its examples.
        seeds: of the draws.
    """
    return replace(subject, model=Averaged(subject.model, seeds, subject.passes), _memory={})
