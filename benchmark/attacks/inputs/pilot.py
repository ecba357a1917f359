"""Rough distances to the decision boundary, from which the cost of an input attack is guessed.

A few descents per example (:mod:`benchmark.attacks.inputs.minimum_norm`), some 130 passes per norm
where an attack takes hundreds at every budget: an example whose distance is far below a budget is
broken by the first search, one far above is left out by the screening search, and one in between is
attacked by all.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from benchmark.attacks.inputs.minimum_norm import Descent, descend, start_of
from benchmark.spaces.inputs import lengths
from benchmark.subject import Subject

DESCENTS = (
    Descent(steps=20),
    Descent(steps=20, outside=6.0, start="random", objective="cross-entropy"),
    Descent(steps=20, outside=6.0, start="inverse"),
)
"""The descents. The last two come from outside: in l2 balls on MNIST the first alone overlooks most
of the examples that an attack breaks."""


def rough_distances(subject: Subject, norm: str) -> Tensor:
    """About how far the nearest misclassified image of each example is, (n,), in input units.

    0 where the clean image is misclassified, infinite where no image was found.

    Args:
        subject: model and examples, small enough for one batch.
        norm: ``"linf"``, ``"l2"`` or ``"l1"``.
    """
    clean = subject.images
    nearest, shortest = clean.clone(), torch.full((len(subject),), torch.inf).to(clean)
    for place, descent in enumerate(DESCENTS):
        radii = torch.full_like(shortest, torch.inf)
        if descent.start != "image":  # where none was found, from a quarter of the box
            largest = lengths(torch.maximum(clean, 1 - clean), norm)
            radii = torch.where(shortest.isfinite(), descent.outside * shortest, largest / 4)
        generator = subject.generator("pilot", norm, place)
        start = start_of(descent, clean, nearest, norm, radii, generator)
        images, found = descend(subject, norm, descent, start, radii)
        shorter = found < shortest
        nearest = torch.where(shorter.view(-1, 1, 1, 1), images, nearest)
        shortest = torch.where(shorter, found, shortest)
    return torch.where(subject.correct(), shortest, 0.0)


class Pilot:
    """Rough distances of some of the examples, computed when they are asked for.

    Args:
        tried: gives the model with the examples that are tried, at most one batch.
    """

    def __init__(self, tried: Callable[[], Subject]) -> None:
        self._tried = tried
        self._subject: Subject | None = None

    def distances(self, norm: str) -> Tensor:
        """:func:`rough_distances`, (n,), computed once."""
        subject = self._subject = self._subject or self._tried()
        return subject.once(("rough distances", norm), lambda: rough_distances(subject, norm))
