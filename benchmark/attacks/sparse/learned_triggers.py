"""Triggers that are optimized, in a capped share of the pixels or within a capped size.

Source: OneFlip, whose mask and pattern are optimized without a cap. A trigger that needs no change
of the weights is an adversarial patch (Brown et al. 2017) or a universal perturbation
(Moosavi-Dezfooli et al. 2017); therefore the same trigger is measured on the untouched weights.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Generator, Tensor

from benchmark.ascent import adam
from benchmark.ascent.result import Evaluate, Evaluation
from benchmark.attacks.backdoor import Trigger
from benchmark.budgets import Budget, Written
from benchmark.objectives import cross_entropy, margin
from benchmark.spaces import IMAGES, InputBall, Point
from benchmark.subject import Subject

_Stamp = Callable[[Tensor, Tensor], Tensor]

BATCH_SIZE = 32
"""Images per step."""

EIGHT = Budget(8 / 255, "8/255")
"""Default radius of noise."""

ROUNDS = 16
"""Rounds in which the pixels of a patch are chosen, each for a part of them."""

NOISE_SHARE = 0.25
"""Weight of the noise in the copies of :func:`with_noisy_copies`."""

FIRST_STEP = 0.1
"""Length of the first step, in half widths of the range of a value."""


@dataclass(frozen=True, eq=False)
class LearnedPixels(Trigger):
    """Some pixels set to optimized colors.

    Attributes:
        mask: bool (H, W), which pixels.
        pattern: float32 (C, H, W), their colors in [0, 1].
    """

    mask: Tensor
    pattern: Tensor

    def __str__(self) -> str:
        return f"{int(self.mask.sum())} optimized pixels"

    def stamp(self, images: Tensor) -> Tensor:
        """As :meth:`Trigger.stamp`."""
        return torch.where(self.mask.to(images.device), self.pattern.to(images), images)


@dataclass(frozen=True, eq=False)
class LearnedNoise(Trigger):
    """An optimized picture added to every image, clipped to [0, 1].

    Attributes:
        noise: float32 (C, H, W), within the radius.
        radius: of the linf ball, for its description.
    """

    noise: Tensor
    radius: Budget

    def __str__(self) -> str:
        return f"optimized noise of +-{self.radius.text}"

    def stamp(self, images: Tensor) -> Tensor:
        """As :meth:`Trigger.stamp`."""
        return (images + self.noise.to(images)).clamp(0, 1)


class TriggerSearch(ABC):
    """A set of triggers, from which one is optimized for a model."""

    @abstractmethod
    def optimize(
        self, subject: Subject, target: int, steps: int, start: Trigger | None = None
    ) -> Trigger:
        """The trigger that makes a model classify the images of other classes as the target.

        Args:
            subject: the model with its weights, and images to optimize on.
            target: the class.
            steps: of Adam, each on :data:`BATCH_SIZE` images.
            start: a trigger of this set to begin with.
        """


@dataclass(frozen=True)
class PixelSearch(TriggerSearch):
    """Pixels of any colors, at most a share of all.

    Attributes:
        area: the largest share of the pixels, in (0, 1].
    """

    area: float = 0.05
    kind: Literal["pixels"] = "pixels"

    def count(self, images: Tensor) -> int:
        """The number of pixels of images (N, C, H, W), at least 1."""
        return max(math.floor(self.area * images[0, 0].numel() + 1e-9), 1)

    def optimize(
        self, subject: Subject, target: int, steps: int, start: Trigger | None = None
    ) -> Trigger:
        """As :meth:`TriggerSearch.optimize`: the pixels are chosen greedily, then their colors."""
        some = _others(subject, target)
        if len(some) == 0:
            shape = subject.images.shape[1:]
            mask = torch.zeros(shape[1:], dtype=torch.bool)
            mask.view(-1)[: self.count(subject.images)] = True
            return LearnedPixels(mask, torch.ones(shape))
        first = start if isinstance(start, LearnedPixels) else self._chosen(some, target)

        def stamp(images: Tensor, pattern: Tensor) -> Tensor:
            return torch.where(first.mask.to(images.device), pattern, images)

        gray = torch.full_like(some.images[:1], 0.5)
        space = InputBall(gray, "linf", 0.5)
        begin = {IMAGES: first.pattern.to(gray).unsqueeze(0)}
        found = _ascend(space, _batches(some, target, stamp), begin, steps)
        pattern = torch.where(first.mask, found[0].cpu(), 0.0)
        return LearnedPixels(first.mask, pattern)

    def _chosen(self, subject: Subject, target: int) -> LearnedPixels:
        """Pixels and values, 0 or 1, of the largest first-order gain, in :data:`ROUNDS` rounds."""
        images = with_noisy_copies(subject, BATCH_SIZE)
        mask = torch.zeros(images.shape[2:], dtype=torch.bool, device=images.device)
        pattern = torch.zeros_like(images[0])
        count = self.count(images)
        for number in range(ROUNDS):
            stamped = torch.where(mask, pattern, images)
            gradients = _gradients(subject, stamped, target)
            to_zero, to_one = (gradients * -stamped).mean(0), (gradients * (1 - stamped)).mean(0)
            gain = torch.where(mask, -torch.inf, torch.maximum(to_zero, to_one).sum(0))
            now = (number + 1) * count // ROUNDS - number * count // ROUNDS
            added = torch.zeros_like(mask)
            added.view(-1)[gain.flatten().topk(now).indices] = True
            pattern = torch.where(added, (to_one > to_zero).to(pattern), pattern)
            mask = mask | added
        return LearnedPixels(mask.cpu(), pattern.cpu())


@dataclass(frozen=True)
class NoiseSearch(TriggerSearch):
    """Noise of a largest absolute value, the same on all images.

    Attributes:
        radius: of the linf ball, input units.
    """

    radius: Written = EIGHT
    kind: Literal["noise"] = "noise"

    def optimize(
        self, subject: Subject, target: int, steps: int, start: Trigger | None = None
    ) -> Trigger:
        """As :meth:`TriggerSearch.optimize`: ascent in a ball around gray, from its centre."""
        radius = Budget.of(self.radius)
        some = _others(subject, target)
        gray = torch.full_like(subject.images[:1], 0.5)
        if len(some) == 0 or not radius > 0:
            return LearnedNoise(torch.zeros_like(gray[0]).cpu(), radius)
        # A ball around gray holds the picture with the noise on it; radii above 1/2 would be cut.
        space = InputBall(gray, "linf", min(float(radius), 0.5))
        begin = space.origin
        if isinstance(start, LearnedNoise):
            begin = {IMAGES: space.project({IMAGES: gray + start.noise.to(gray)})[IMAGES]}

        def stamp(images: Tensor, picture: Tensor) -> Tensor:
            return (images + picture - 0.5).clamp(0, 1)

        found = _ascend(space, _batches(some, target, stamp), begin, steps)
        noise = (found[0] - 0.5).clamp(-float(radius), float(radius))
        return LearnedNoise(noise.cpu(), radius)


def with_noisy_copies(subject: Subject, most: int) -> Tensor:
    """Some images, and copies of them with noise blended in.

    Units that no clean image activates have no gradient on clean images, and these are the ones
    that a backdoor needs.

    Args:
        subject: with the images.
        most: maximum number of images without the copies.
    """
    images = subject.images[:most]
    generator = subject.generator("backdoor-sparse", "noisy copies")
    noise = torch.rand(images.shape, generator=generator).to(images)
    return torch.cat([images, torch.lerp(images, noise, NOISE_SHARE)])


def _others(subject: Subject, target: int) -> Subject:
    return subject.take((subject.labels != target).nonzero().squeeze(1))


def _gradients(subject: Subject, images: Tensor, target: int) -> Tensor:
    """The gradient (N, C, H, W) of the margin to the target.

    Unlike the cross-entropy, it does not vanish on images that are given the target already.
    """
    point = images.detach().requires_grad_(True)
    labels = torch.full((len(images),), target, device=images.device)
    with torch.enable_grad():
        value = -margin(subject.forward(point), labels).sum()
    return subject.gradients(value, [point], len(images))[0]


def _batches(subject: Subject, target: int, stamp: _Stamp) -> Iterator[Evaluate]:
    """Minus the mean cross-entropy to the target, on successive mini-batches."""
    generator = subject.generator("backdoor-sparse", "order", target)
    for rows in _orders(len(subject), generator):
        part = subject.images[rows.to(subject.images.device)]

        def evaluate(point: Point, _: Tensor, part: Tensor = part) -> Evaluation:
            picture = point[IMAGES].detach().requires_grad_(True)
            labels = torch.full((len(part),), target, device=part.device)
            with torch.enable_grad():
                logits = subject.forward(stamp(part, picture))
                value = -cross_entropy(logits, labels).mean()
            (gradient,) = subject.gradients(value, [picture], len(part))
            return Evaluation(value.detach().view(1), {IMAGES: gradient})

        yield evaluate


def _orders(count: int, generator: Generator) -> Iterator[Tensor]:
    while True:
        order = torch.randperm(count, generator=generator)
        yield from order.tensor_split(math.ceil(count / BATCH_SIZE))


def _ascend(space: InputBall, batches: Iterator[Evaluate], start: Point, steps: int) -> Tensor:
    """The last point (1, C, H, W) of an ascent."""
    last = start
    for point in adam(space, batches, start, steps, first_step=FIRST_STEP):
        last = point
    return last[IMAGES].detach()
