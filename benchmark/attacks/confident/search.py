"""The smallest perturbation that meets a requirement, by a search for the weight of its violation.

With a length ``D(x', x)`` and a violation ``f(x') >= 0`` that is 0 where the requirement is met,

    minimize  D(x', x) + c f(x')

for a weight ``c`` per example. A weight that finds an image is followed by a smaller one, and one
that finds none by a larger one, until the searches are used up; the nearest image of all counts.

Source: Carlini & Wagner 2017, "Towards evaluating the robustness of neural networks". The
requirement of an untargeted attack with confidence ``kappa`` is a margin of at least ``kappa``:
``f(x') = max(0, z_y - max_{j != y} z_j + kappa)``.

Hyper-parameters: number of searches, the first weight, :data:`GROWTH`, and those of the minimizer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from benchmark.objectives import margin
from benchmark.subject import Subject
from models_zoo.prediction import predicted_classes

GROWTH = 10.0
"""Factor by which the weight grows while no image was found."""

MIN_MARGIN = 1e-4
"""Smallest required margin: at a margin of 0 the prediction depends on the order of the classes."""

Violation = Callable[[Tensor, Tensor], Tensor]
"""``(images (n, C, H, W), rows (n,)) -> (n,)``: how far each image is from meeting the requirement
of its example, at least 0, and 0 where it meets it. It is differentiable in the images."""

Evaluate = Callable[[Tensor], tuple[Tensor, Tensor]]
"""The violation (n,) of images (n, C, H, W), and its gradient."""

Look = Callable[[Tensor], Tensor]
"""The violation (n,) of images (n, C, H, W), which are recorded where it is 0."""


class Minimizer(Protocol):
    """Minimizes length and violation for given weights."""

    @property
    def name(self) -> str:
        """Name of the attack."""
        ...

    def length(self, images: Tensor, centers: Tensor) -> Tensor:
        """``D`` (n,) of images (n, C, H, W) from their centers."""
        ...

    def minimize(
        self, centers: Tensor, weights: Tensor, steps: int, evaluate: Evaluate, look: Look
    ) -> None:
        """Minimize from the centers, passing every iterate to ``evaluate`` or ``look``.

        Args:
            centers: the clean images (n, C, H, W).
            weights: of the violation (n,).
            steps: number of steps.
            evaluate: violation and gradient; records the images as ``look`` does.
            look: the violation alone.
        """
        ...


@dataclass(frozen=True)
class SearchEffort:
    """The effort of an attack.

    Attributes:
        steps: of each minimization.
        searches: number of weights that are tried.
        first_weight: the first of them.
    """

    steps: int = 100
    searches: int = 4
    first_weight: float = 1.0


@dataclass(frozen=True)
class Found:
    """What an attack found.

    Attributes:
        images: (N, C, H, W) in [0, 1]; the clean image where nothing was found.
        succeeded: bool (N,), images that are verified to meet the requirement.
        l2: float64 (N,), the l2 length; NaN where nothing was found.
    """

    images: Tensor
    succeeded: Tensor
    l2: Tensor


def least_perturbation(
    subject: Subject, violation: Violation, minimizer: Minimizer, effort: SearchEffort
) -> Found:
    """Search for the nearest image that meets a requirement, for every example.

    Args:
        subject: model and examples.
        violation: of the requirement; rows are indices of the examples.
        minimizer: the attack.
        effort: steps and searches.

    Returns:
        The images. ``succeeded`` is the violation, computed again for the images that are returned.
    """
    images = subject.images.clone()
    succeeded = torch.zeros(len(subject), dtype=torch.bool, device=images.device)
    for rows in subject.row_batches():
        nearest = _Nearest(subject, rows, violation, minimizer)
        nearest.search(effort)
        images[rows] = nearest.images
        with torch.no_grad():
            kept = violation(nearest.images, rows) <= 0
        succeeded[rows] = kept & nearest.lengths.isfinite()
    images = torch.where(succeeded[:, None, None, None], images, subject.images)
    if not bool(((images >= 0) & (images <= 1)).all()):
        raise RuntimeError("an image lies outside [0, 1]; the search is faulty")
    moved = (images.double() - subject.images.double()).flatten(1).norm(dim=1)
    return Found(images, succeeded, torch.where(succeeded, moved, torch.nan))


def margin_violation(subject: Subject, confidence: float) -> Violation:
    """The requirement of an untargeted attack: a wrong class leads by the confidence.

    Args:
        subject: model and labels.
        confidence: ``kappa``, in logits, at least 0.
    """
    least = max(confidence, MIN_MARGIN)

    def violation(images: Tensor, rows: Tensor) -> Tensor:
        return (least - margin(subject.forward(images), subject.labels[rows])).clamp_min(0)

    return violation


def confident_attack(
    subject: Subject, minimizer: Minimizer, confidence: float, effort: SearchEffort
) -> Found:
    """The nearest images that are misclassified with a confidence, classified again in float32.

    Args:
        subject: model and examples; those that are misclassified already need no perturbation.
        minimizer: the attack.
        confidence: ``kappa``, in logits.
        effort: steps and searches.
    """
    found = least_perturbation(subject, margin_violation(subject, confidence), minimizer, effort)
    wrong = predicted_classes(subject.logits(found.images)) != subject.labels
    succeeded = found.succeeded & wrong
    images = torch.where(succeeded[:, None, None, None], found.images, subject.images)
    return Found(images, succeeded, torch.where(succeeded, found.l2, torch.nan))


class _Nearest:
    """The nearest image per example of a batch, over all weights that are tried."""

    def __init__(
        self, subject: Subject, rows: Tensor, violation: Violation, minimizer: Minimizer
    ) -> None:
        self.subject, self.rows = subject, rows
        self.violation, self.minimizer = violation, minimizer
        self.centers = subject.images[rows]
        self.images = self.centers.clone()
        self.lengths = torch.full((len(rows),), torch.inf, device=rows.device)
        self.hit = torch.zeros(len(rows), dtype=torch.bool, device=rows.device)

    def search(self, effort: SearchEffort) -> None:
        """Minimize with one weight after the other."""
        low = torch.zeros_like(self.lengths)
        high = torch.full_like(self.lengths, torch.inf)
        weights = torch.full_like(self.lengths, effort.first_weight)
        for _ in range(effort.searches):
            self.hit = torch.zeros_like(self.hit)
            self.minimizer.minimize(self.centers, weights, effort.steps, self._evaluate, self._look)
            low = torch.where(self.hit, low, weights)
            high = torch.where(self.hit, weights, high)
            weights = torch.where(high.isfinite(), (low + high) / 2, weights * GROWTH)

    def _evaluate(self, images: Tensor) -> tuple[Tensor, Tensor]:
        images = images.detach().requires_grad_(True)
        with torch.enable_grad():
            values = self.violation(images, self.rows)
        (gradient,) = self.subject.gradients(values.sum(), [images], len(images))
        self._record(images.detach(), values.detach())
        return values.detach(), gradient

    @torch.no_grad()
    def _look(self, images: Tensor) -> Tensor:
        values = self.violation(images, self.rows)
        self._record(images, values)
        return values

    def _record(self, images: Tensor, values: Tensor) -> None:
        met = values <= 0
        self.hit |= met
        lengths = self.minimizer.length(images, self.centers)
        nearer = met & (lengths < self.lengths)
        self.lengths = torch.where(nearer, lengths, self.lengths)
        self.images = torch.where(nearer[:, None, None, None], images, self.images)
