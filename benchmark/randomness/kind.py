"""Whether a model's outputs are random, and what they are drawn from.

Every pass of the check begins with the global generators seeded again. A model whose logits differ
between seeds is random. One whose logits differ although the seeds are equal draws from a generator
of its own, or is not deterministic for another reason: its draws cannot be repeated. One that gives
two copies of an image in a batch the same logits draws once per forward pass. One whose copies in a
batch are more alike than those of different passes draws some of its numbers so: a random choice
per pass besides noise per image.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from benchmark.generators import generators_restored, seed_generators
from benchmark.memory import in_batches, out_of_memory
from benchmark.outputs import masked_classes
from benchmark.subject import Subject

MAX_REPEATED_CHANGE = 1e-4
"""Largest accepted change between two passes over the same batch, relative to the largest logit:
far above float32 rounding on any device, far below the effect of a random layer."""

N_SEEDS = 4
"""Number of seeds under which the images are classified. A model that errs at random on a share q
of its answers is not noticed with probability ``(1 - q)^64``: 0.1% for a tenth, 52% for 1%. The
probe for random models looks at all images as well: with 600, 0.2% is missed in 0.8% of cases."""

MAX_IMAGES = 16
"""Number of images that are classified."""

N_PASSES = 20
"""Number of passes of random models in which copies of the images are compared. What happens in a
tenth of all passes happens in one of these with a probability of 88%."""

N_PAIRINGS = 500
"""Number of random pairings of the same logits with which the pairs of a pass are compared."""

MAX_LIKENESS = 5.0
"""Largest number of standard deviations by which the distance of two copies in a pass may be below
that of random pairs, if nothing is drawn for a whole pass."""


@dataclass(frozen=True)
class Randomness:
    """How a model draws random numbers.

    Attributes:
        random: whether its logits for an image differ from pass to pass.
        controlled: whether they are the same where the global generators are seeded alike.
        shared: whether the images of a batch share numbers that are drawn, so that copies of an
            image in a batch are no independent draws.
        mixed: whether other numbers are drawn for every image as well.
        change: the largest difference between two passes in a logit.
        scale: the largest logit.
    """

    random: bool = False
    controlled: bool = True
    shared: bool = False
    mixed: bool = False
    change: float = 0.0
    scale: float = 0.0

    @property
    def text(self) -> str:
        """The kind in words, such as ``drawn separately for every image``."""
        if not self.random:
            return "none"
        unit = "once per forward pass" if self.shared else "separately for every image"
        if self.mixed:
            unit = "in part once per forward pass, in part separately for every image"
        source = "the global generators" if self.controlled else "a generator that no seed controls"
        return f"drawn {unit} from {source}"


def randomness_of(subject: Subject) -> Randomness:
    """How a model draws random numbers, from passes over some of its images.

    The global generators are restored afterwards.

    Args:
        subject: model and examples.
    """
    return subject.once("randomness", lambda: _randomness_of(subject))


def rare_randomness_of(subject: Subject) -> Randomness:
    """As :func:`randomness_of`, but from passes over all images if a few show nothing.

    What a model does once in a hundred answers hardly changes its expected accuracy, but decides
    how often a hundred answers are all right.

    Args:
        subject: model and examples.
    """
    found = randomness_of(subject)
    if found.random:
        return found
    return subject.once("rare randomness", lambda: _rare_randomness_of(subject) or found)


def _rare_randomness_of(subject: Subject) -> Randomness | None:
    """The kind, from the images whose logits change first; ``None`` if those of no image do."""
    seeds = _seeds(subject, N_SEEDS)
    every = torch.arange(len(subject), device=subject.images.device)
    changes = torch.zeros(len(subject), dtype=torch.bool, device=every.device)

    def compare(rows: Tensor) -> None:
        first, *others = [_logits(subject, subject.images[rows], seed) for seed in seeds]
        apart = torch.stack([(each.double() - first.double()).abs() for each in others])
        apart = torch.where(apart.isfinite(), apart, 0.0).amax((0, 2))
        changes[rows] = apart > MAX_REPEATED_CHANGE * largest_logit(first)

    with generators_restored(every.device):
        in_batches(every, subject.batch_size, compare)
    if not bool(changes.any()):
        return None
    rows = changes.int().argsort(descending=True, stable=True)
    most = max(1, min(MAX_IMAGES, subject.batch_size // 2))
    return _randomness_on(subject, subject.images[rows[:most]], known=True)


def _seeds(subject: Subject, count: int) -> list[int]:
    return [subject.generator("randomness", number).initial_seed() for number in range(count)]


def _randomness_of(subject: Subject) -> Randomness:
    most = max(1, min(MAX_IMAGES, subject.batch_size // 2))
    while True:
        try:
            return _randomness_on(subject, subject.images[:most])
        except Exception as error:
            if most == 1 or not out_of_memory(error):
                raise
        most //= 2  # only here is what the traceback referred to free again


def _randomness_on(subject: Subject, images: Tensor, *, known: bool = False) -> Randomness:
    """The kind, from passes over some images.

    Args:
        subject: the model.
        images: the images.
        known: whether the model is known to be random, although these passes may not show it.
    """
    seeds = _seeds(subject, N_SEEDS)
    with generators_restored(images.device):
        passes = [_logits(subject, images, seed) for seed in seeds]
        repeated = _logits(subject, images, seeds[0])
        scale = largest_logit(passes[0])
        most = MAX_REPEATED_CHANGE * scale
        again = largest_difference(passes[0], repeated)
        change = max(again, *(largest_difference(passes[0], each) for each in passes[1:]))
        if change <= most and not known:
            return Randomness(change=change, scale=scale)
        twice = torch.cat([images, images])
        copies = [_logits(subject, twice, seed) for seed in _seeds(subject, N_PASSES)]
    halves = [largest_difference(*torch.chunk(each, 2)) for each in copies]
    alike = max(halves) <= most
    mixed = not alike and _more_alike(copies, subject.generator("randomness", "pairings"))
    return Randomness(
        random=True,
        controlled=again <= most,
        shared=alike or mixed,
        mixed=mixed,
        change=change,
        scale=scale,
    )


def _logits(subject: Subject, images: Tensor, seed: int) -> Tensor:
    """Logits of one batch with the global generators seeded."""
    seed_generators(seed, images.device)
    with torch.no_grad():
        return subject.forward(images)


def _more_alike(copies: list[Tensor], generator: torch.Generator) -> bool:
    """Whether two copies of an image in a pass are closer than two logits of the image at random.

    Args:
        copies: per pass, logits (2 n, K) of n images and of the same ones again.
        generator: draws the pairings.
    """
    logits = torch.stack([torch.stack(torch.chunk(each.cpu(), 2), 1) for each in copies], 1)
    found = logits.double().flatten(1, 2).nan_to_num(0.0, 0.0, 0.0)  # (n, 2 passes, K)
    apart = torch.cdist(found, found)
    apart = apart / apart.mean((1, 2), keepdim=True).clamp_min(torch.finfo(apart.dtype).tiny)

    def paired(order: Tensor) -> Tensor:
        """Mean distance of the pairs in orders (n, 2 passes)."""
        images = torch.arange(len(apart))[:, None]
        return apart[images, order[:, ::2], order[:, 1::2]].mean()

    rows, places = apart.shape[:2]
    orders = torch.rand(N_PAIRINGS, rows, places, generator=generator).argsort(-1)
    at_random = torch.stack([paired(order) for order in orders])
    own = paired(torch.arange(places).expand(rows, places))
    return bool(own < at_random.mean() - MAX_LIKENESS * at_random.std())


def largest_difference(first: Tensor, second: Tensor) -> float:
    """Largest absolute difference where both are finite; 0 where none are."""
    apart = (first.double() - second.double()).abs()
    return float(apart[apart.isfinite()].max()) if apart.isfinite().any() else 0.0


def largest_logit(logits: Tensor) -> float:
    """Largest finite absolute logit of the classes that are not masked; 0 if none is."""
    size = torch.where(logits.isfinite(), logits.abs(), 0.0)[:, ~masked_classes(logits)]
    return float(size.max()) if size.numel() else 0.0
