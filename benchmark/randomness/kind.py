"""Whether a model's outputs are random, and what they are drawn from.

Every pass of the check begins with the global generators seeded again. A model whose logits differ
between seeds is random. One whose logits differ although the seeds are equal draws from a generator
of its own, or is not deterministic for another reason: its draws cannot be repeated. One that gives
two copies of an image in a batch the same logits draws once per forward pass.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from benchmark.generators import generators_restored, seed_generators
from benchmark.memory import out_of_memory
from benchmark.subject import Subject

MAX_REPEATED_CHANGE = 1e-4
"""Largest accepted change between two passes over the same batch, relative to the largest logit:
far above float32 rounding on any device, far below the effect of a random layer."""

N_SEEDS = 4
"""Number of seeds under which the images are classified. A model that errs at random on a share q
of its answers is not noticed with probability ``(1 - q)^64``: 0.1% for a tenth, 52% for 1%."""

MAX_IMAGES = 16
"""Number of images that are classified."""


@dataclass(frozen=True)
class Randomness:
    """How a model draws random numbers.

    Attributes:
        random: whether its logits for an image differ from pass to pass.
        controlled: whether they are the same where the global generators are seeded alike.
        shared: whether all images of a batch share the numbers that are drawn, so that copies of an
            image in a batch have the same logits.
        change: the largest difference between two passes in a logit.
        scale: the largest logit.
    """

    random: bool = False
    controlled: bool = True
    shared: bool = False
    change: float = 0.0
    scale: float = 0.0

    @property
    def text(self) -> str:
        """The kind in words, such as ``drawn separately for every image``."""
        if not self.random:
            return "none"
        unit = "once per forward pass" if self.shared else "separately for every image"
        source = "the global generators" if self.controlled else "a generator that no seed controls"
        return f"drawn {unit} from {source}"


def randomness_of(subject: Subject) -> Randomness:
    """How a model draws random numbers, from passes over some of its images.

    The global generators are restored afterwards.

    Args:
        subject: model and examples.
    """
    return subject.once("randomness", lambda: _randomness_of(subject))


def _randomness_of(subject: Subject) -> Randomness:
    most = max(1, min(MAX_IMAGES, subject.batch_size // 2))
    while True:
        try:
            return _randomness_on(subject, subject.images[:most])
        except Exception as error:
            if most == 1 or not out_of_memory(error):
                raise
        most //= 2  # only here is what the traceback referred to free again


def _randomness_on(subject: Subject, images: Tensor) -> Randomness:
    seeds = [subject.generator("randomness", number).initial_seed() for number in range(N_SEEDS)]
    with generators_restored(images.device):
        passes = [_logits(subject, images, seed) for seed in seeds]
        repeated = _logits(subject, images, seeds[0])
        scale = largest_logit(passes[0])
        most = MAX_REPEATED_CHANGE * scale
        again = largest_difference(passes[0], repeated)
        change = max(again, *(largest_difference(passes[0], each) for each in passes[1:]))
        if change <= most:
            return Randomness(change=change, scale=scale)
        copies = [_logits(subject, torch.cat([images, images]), seed) for seed in seeds]
    halves = [largest_difference(*torch.chunk(each, 2)) for each in copies]
    return Randomness(
        random=True,
        controlled=again <= most,
        shared=max(halves) <= most,
        change=change,
        scale=scale,
    )


def _logits(subject: Subject, images: Tensor, seed: int) -> Tensor:
    """Logits of one batch with the global generators seeded."""
    seed_generators(seed, images.device)
    with torch.no_grad():
        return subject.forward(images)


def largest_difference(first: Tensor, second: Tensor) -> float:
    """Largest absolute difference where both are finite; 0 where none are."""
    apart = (first.double() - second.double()).abs()
    return float(apart[apart.isfinite()].max()) if apart.isfinite().any() else 0.0


def largest_logit(logits: Tensor) -> float:
    """Largest finite absolute logit; 0 where there is none."""
    size = logits[logits.isfinite()].abs()
    return float(size.max()) if len(size) else 0.0
