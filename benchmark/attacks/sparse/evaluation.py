"""The images on which sparse backdoors are searched and selected, and what logits of them say."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from benchmark.attacks.backdoor import Goal, Splits, Trial, Trigger
from benchmark.objectives import margin
from benchmark.spaces import Point
from models_zoo.prediction import predicted_classes


@dataclass(frozen=True)
class EvaluationSet:
    """Clean and stamped images of the first two splits, in this order, and their labels.

    Attributes:
        images: (N, C, H, W): clean, then the stamped ones of other classes than the target.
        labels: int64 (N,), the true classes of clean and the target of stamped images.
        stamped: bool (N,).
        searched: bool (N,), the images to optimize on; the others are to select on.
        target: the target class.
        right: bool (N,), clean images that the untouched weights classify correctly.
        buffer: float (N,), margins above which the search takes an image for classified as its
            label: :data:`CAUTION` times the margin with the untouched weights for clean images
            that are right, otherwise 0.
    """

    images: Tensor
    labels: Tensor
    stamped: Tensor
    searched: Tensor
    target: int
    right: Tensor
    buffer: Tensor

    @classmethod
    def of(
        cls, splits: Splits, untouched: Point, trigger: Trigger, target: int, most: int
    ) -> EvaluationSet:
        """Stamp the images of the first two splits.

        Args:
            splits: the splits.
            untouched: the weights to which accuracy is compared.
            trigger: what is stamped on images of other classes.
            target: the target class.
            most: maximum number of images of each split.
        """
        parts = [part.head(most) for part in (splits.search, splits.selection)]
        before = [part.at(untouched) for part in parts]
        over = torch.cat([margins(part.logits(), part.labels) for part in before])
        others = [part.images[part.labels != target] for part in parts]
        clean, found = sum(map(len, parts)), sum(map(len, others))
        device = parts[0].images.device

        def of_first(*sizes: int) -> Tensor:
            bits = [torch.full((n,), i % 2 == 0, device=device) for i, n in enumerate(sizes)]
            return torch.cat(bits)

        return cls(
            images=torch.cat(
                [part.images for part in parts] + [trigger.stamp(part) for part in others]
            ),
            labels=torch.cat(
                [part.labels for part in parts]
                + [torch.full((found,), target, device=device, dtype=torch.int64)]
            ),
            stamped=torch.arange(clean + found, device=device) >= clean,
            searched=of_first(len(parts[0]), len(parts[1]), len(others[0]), len(others[1])),
            target=target,
            right=torch.cat(
                [part.correct() for part in before]
                + [torch.zeros(found, dtype=torch.bool, device=device)]
            ),
            buffer=torch.cat([CAUTION * over.clamp_min(0), over.new_zeros(found)]),
        )

    def rows(self, stamped: bool, *, searched: bool | None = None) -> Tensor:
        """Indices of the stamped or clean images, of one split or of both."""
        chosen = self.stamped == stamped
        if searched is not None:
            chosen = chosen & (self.searched == searched)
        return chosen.nonzero().squeeze(1)

    @cached_property
    def screened(self) -> Tensor:
        """Indices of few images, half of them stamped, for a first look at many candidates."""
        each = [self.rows(stamped, searched=True)[:SCREENED] for stamped in (False, True)]
        return torch.cat(each)

    def trial(self, logits: Tensor) -> Trial:
        """Success and drop on the images to select on; success 0 if none is of another class.

        Args:
            logits: (N, K) of all images.
        """
        hits = predicted_classes(logits) == self.labels
        lost = self.right.long() - hits.long()
        stamped, clean = self.rows(True, searched=False), self.rows(False, searched=False)
        success = float(hits[stamped].double().mean()) if len(stamped) else 0.0
        return Trial({}, success, float(lost[clean].double().mean()))

    def merit(self, logits: Tensor, rows: Tensor, scale: float, goal: Goal) -> float:
        """What the search ascends: the mean of :func:`merit` on the images of either split.

        Args:
            logits: (R, K) of some of the images.
            rows: their indices (R,).
            scale: of margins, see :meth:`scale`.
            goal: with the allowed drop.
        """
        over = margins(logits, self.labels[rows]) / scale
        return float(self.weighing(rows, scale).merit(over, goal))

    def weighing(self, rows: Tensor, scale: float) -> Weighing:
        """The sums by which margins of some of the images, divided by a scale, become merits."""
        return Weighing(
            self.stamped[rows], self.searched[rows], self.right[rows], self.buffer[rows] / scale
        )

    def scale(self, logits: Tensor) -> float:
        """The median of the absolute margins of the stamped images, at least a tiny number."""
        over = margins(logits, self.labels)[self.stamped].abs()
        return max(float(over.median()), 1e-6) if len(over) else 1.0


EXCESS = 1000.0
"""Points of success that offset one point of accuracy beyond the allowed drop. It is more than in
the dense attack, whose next step may win accuracy back: a change that is kept is not undone, so
that no change is kept whose cost is noticed as long as there is another."""

CAUTION = 0.2
"""Share of its margin that a clean image must keep for the search to take it for kept: what just
holds on the images to optimize on fails on others."""

SHARE_ROUNDING = 1e-6
"""Rounding error of shares in float32."""

SCREENED = 32
"""Clean images, and stamped images, on which a first look at candidates is taken."""


def margins(logits: Tensor, labels: Tensor) -> Tensor:
    """``z_y - max_{j != y} z_j`` (N,), minus infinity where it is undefined."""
    found = -margin(logits, labels)
    return torch.where(found.isfinite(), found, -torch.inf)


class Weighing:
    """Turns margins of images into what the search ascends.

    On the images of a split that is ``success + mean clip(margin / scale, -1, 1)`` of the stamped
    images, less the drop of accuracy on the clean ones and :data:`EXCESS` times what exceeds the
    allowed drop. The clipped margins lead to success where no stamped image has reached the target
    yet. Of two splits the mean counts, so that neither may lose more accuracy than is allowed.

    Args:
        stamped: bool (R,).
        searched: bool (R,), of which split the images are.
        right: bool (R,), clean images that the untouched weights classify correctly.
        buffer: float (R,), margins above which an image is taken for right, divided by the scale.
    """

    def __init__(self, stamped: Tensor, searched: Tensor, right: Tensor, buffer: Tensor) -> None:
        self._buffer = buffer
        splits = [part for part in (searched, ~searched) if bool(part.any())]
        self._hits = [_mean_weights(part & stamped) for part in splits]
        self._kept = [_mean_weights(part & ~stamped) for part in splits]
        self._right = [float(right.float() @ kept) for kept in self._kept]

    def merit(self, over: Tensor, goal: Goal) -> Tensor:
        """The merits (...) of margins (..., R), float64.

        Args:
            over: margins divided by the scale, of stamped images to the target and of clean ones to
                their class; minus infinity where they are undefined. They are clipped in place.
            goal: with the allowed drop.
        """
        right = (over > self._buffer).to(self._hits[0].dtype)
        soft = over.clamp_(-1, 1)
        total = torch.zeros(over.shape[:-1], dtype=torch.float64, device=over.device)
        for hits, kept, before in zip(self._hits, self._kept, self._right, strict=True):
            drop = before - (right @ kept).double()
            excess = (drop - goal.drop - SHARE_ROUNDING).clamp_min(0)
            total += (right @ hits + soft @ hits).double() - drop - EXCESS * excess
        return total / len(self._hits)


def _mean_weights(chosen: Tensor) -> Tensor:
    """Float32 (R,), whose products with numbers are their mean over some of them."""
    return chosen.float() / chosen.float().sum().clamp_min(1)
