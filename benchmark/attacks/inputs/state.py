"""The state of an attack: what is known about each example while searches run."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from benchmark.attacks.verification import margins
from benchmark.spaces import IMAGES, InputBall
from benchmark.subject import Subject

MAX_CLEAN_MARGIN = 10.0
"""Largest clean logit margin, in units of the temperature. With larger ones the probability margin
of a confident prediction rounds to -1 in float32."""


@dataclass
class AttackState:
    """Examples, their balls, and the progress of the attack on each.

    Only a :class:`benchmark.attacks.inputs.cascade.Scheduler` changes it. Searches get copies with
    the examples of one batch.

    Attributes:
        subject: the model and the n examples.
        ball: their balls, in the same order.
        keys: int64 (n,), hashes of the images, which seed their draws.
        robust: bool (n,), not broken so far.
        images: (n, C, H, W), a misclassified image where the example is broken, else the clean one.
        clean_margins: (n,), logit margins ``max_{j != y} z_j - z_y`` of the clean images.
        margins: (n,), the largest logit margins verified so far.
        nearest: (n, C, H, W), the images that have these margins.
        reachable: bool (n,), false where a screening search ruled the example out.
        targets: int64 (n, K), target classes, the most promising first; empty until ranked.
        target_progress: (n, K), share of the logit gap to each target, or of the last targeted
            search's objective, that was closed, or that a linear model would close.
        seed: of the current search's draws, see :meth:`random_starts`.
        gradient_errors: (n,), relative errors of the gradients over half the budget, see
            :mod:`benchmark.attacks.inputs.gradient_masking`; NaN until measured.
        gradients_masked: bool (n,), where gradient masking was detected.
        outside: (n, C, H, W), misclassified images outside the balls, if any are known.
    """

    subject: Subject
    ball: InputBall
    keys: Tensor
    robust: Tensor
    images: Tensor
    clean_margins: Tensor
    margins: Tensor
    nearest: Tensor
    reachable: Tensor
    targets: Tensor
    target_progress: Tensor
    gradient_errors: Tensor
    gradients_masked: Tensor
    seed: int = 0
    outside: Tensor | None = None

    @classmethod
    def of(cls, subject: Subject, ball: InputBall, robust: Tensor | None = None) -> AttackState:
        """The state before any search.

        Args:
            subject: model and examples.
            ball: one ball per example.
            robust: bool (n,), the examples to attack; by default all that are classified correctly.
        """
        correct, images = subject.correct(), subject.images
        robust = correct.clone() if robust is None else correct & robust
        clean_margins = margins(subject.logits(), subject.labels)
        no_targets = torch.zeros(len(subject), 0, device=images.device)
        return cls(
            subject=subject,
            ball=ball,
            keys=subject.keys,
            robust=robust,
            images=images.clone(),
            clean_margins=clean_margins,
            margins=clean_margins.clone(),
            nearest=images.clone(),
            reachable=torch.ones_like(correct),
            targets=no_targets.long(),
            target_progress=no_targets,
            gradient_errors=torch.full_like(clean_margins, torch.nan),
            gradients_masked=torch.zeros_like(correct),
        )

    @property
    def margin_closed(self) -> Tensor:
        """(n,), share of the clean margin that was closed, from 0 to 1; NaN where not finite."""
        return (1 - self.margins / self.clean_margins.clamp_max(-1e-12)).clamp(0, 1)

    @property
    def temperature(self) -> Tensor:
        """(n,), at least 1: what logits are divided by so that no probability saturates."""
        return temperatures(self.clean_margins)

    def close(self, min_margin_closed: float) -> Tensor:
        """Bool (n,): the examples with at least this share of their margin closed."""
        # Not ``>=``: where logits are not finite the share is NaN, and the example is kept.
        return ~(self.margin_closed < min_margin_closed)

    def random_starts(self, stream: int | Tensor = 0) -> Tensor:
        """Random points of the balls (n, C, H, W); they do not depend on the batch.

        Args:
            stream: index of the search's draw, one for all or one per example (n,).
        """
        return self.ball.points_of(self.keys, self.seed, stream)[IMAGES]

    def take(self, rows: Tensor) -> AttackState:
        """A copy with some of the examples, by index."""
        tensors: dict[str, Any] = {
            name: value[rows] for name, value in vars(self).items() if isinstance(value, Tensor)
        }
        return replace(self, subject=self.subject.take(rows), ball=self.ball.take(rows), **tensors)


def temperatures(clean_margins: Tensor) -> Tensor:
    """What logits are divided by so that no probability saturates, (n,), at least 1.

    Args:
        clean_margins: (n,), logit margins before an attack, see :data:`MAX_CLEAN_MARGIN`.
    """
    return (-clean_margins / MAX_CLEAN_MARGIN).clamp_min(1)
