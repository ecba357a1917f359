"""Passes of a random model at numbered draws, and how often it classifies an image correctly.

Draws are numbered by a purpose: those for scores have another one than those an attack
used, so that an attack never sees them. They are seeded by the pixels of the clean image, so that
neither the batch nor the other examples matter, and a perturbed image is scored with the same draws
as the clean one.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from benchmark.generators import generators_restored, seed_generators
from benchmark.objectives import margin
from benchmark.randomness.kind import Randomness, rare_randomness_of
from benchmark.subject import Subject
from models_zoo.prediction import NO_CLASS, predicted_classes

DRAWS_AT_ONCE = 20
"""Copies of an image in a batch, each of which is a draw. A constant and not the batch size, so
that scores do not depend on it as long as it is larger."""


@dataclass(frozen=True)
class Scored:
    """How a model classifies images at a number of draws.

    Attributes:
        right: bool (R, N), whether a draw classifies an example correctly.
        voted: bool (N,), whether the class that most draws give is the label; the earliest of
            classes that are equally frequent.
        margins: (N,), logit margins ``max_{j != y} z_j - z_y``, the mean over draws.
    """

    right: Tensor
    voted: Tensor
    margins: Tensor

    @property
    def failures(self) -> Tensor:
        """Share of the draws that misclassify each example, float64 (N,)."""
        return 1 - self.right.double().mean(0)


@dataclass(frozen=True)
class Draws:
    """Passes of a model at numbered draws of its random numbers.

    Attributes:
        subject: the model and the examples.
        randomness: how the model draws.
    """

    subject: Subject
    randomness: Randomness

    @classmethod
    def of(cls, subject: Subject) -> Draws:
        """The draws of a subject, after :func:`rare_randomness_of`."""
        return cls(subject, rare_randomness_of(subject))

    def seed(self, *purpose: Hashable) -> int:
        """The seed of a purpose."""
        return self.subject.generator("draws", *purpose).initial_seed()

    def begin(self, *purpose: Hashable) -> None:
        """Seed the global generators for a purpose; a deterministic model needs none."""
        if self.randomness.random:
            seed_generators(self.seed(*purpose), self.subject.images.device)

    @torch.no_grad()
    def score(self, images: Tensor, rows: Tensor, count: int, *purpose: Hashable) -> Scored:
        """Classify images at fresh draws; the global generators are restored afterwards.

        Args:
            images: (n, C, H, W).
            rows: int64 (n,), the examples that they belong to.
            count: number of draws; a deterministic model is classified once.
            purpose: what the draws are for.
        """
        labels, device = self.subject.labels[rows], images.device
        classes = self.subject.classes or self.subject.logits(images[:1]).shape[1]
        votes = torch.zeros(len(rows), classes + 1, dtype=torch.int32, device=device)
        right = torch.zeros(
            count if self.randomness.random else 1, len(rows), dtype=torch.bool, device=device
        )
        total = torch.zeros(len(rows), dtype=torch.float64, device=device)
        with generators_restored(device):
            for draws, examples, logits in self._passes(images, rows, len(right), purpose):
                wanted = labels[examples]
                found = predicted_classes(logits)
                right[draws, examples] = found == wanted
                votes.index_put_(
                    (examples, found - NO_CLASS), votes.new_ones(len(found)), accumulate=True
                )
                total.index_add_(0, examples, margin(logits.double(), wanted))
        return Scored(right, votes.argmax(1) + NO_CLASS == labels, total / len(right))

    def _passes(
        self, images: Tensor, rows: Tensor, count: int, purpose: tuple[Hashable, ...]
    ) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Numbers of draws, places of images, and logits, (B,), (B,) and (B, K)."""
        subject, device = self.subject, images.device
        places = torch.arange(len(rows), device=device)
        if self.randomness.shared or not self.randomness.random:
            for draw in range(count):
                for some in torch.split(places, subject.batch_size):
                    self.begin(*purpose, draw)
                    yield torch.full_like(some, draw), some, subject.forward(images[some])
            return
        size = min(DRAWS_AT_ONCE, subject.batch_size)
        keys = subject.keys[rows].tolist()
        for place, key in enumerate(keys):
            for draws in torch.split(torch.arange(count, device=device), size):
                self.begin(*purpose, key, int(draws[0]))
                copies = images[place].expand(len(draws), *images.shape[1:])
                yield draws, torch.full_like(draws, place), subject.forward(copies)
