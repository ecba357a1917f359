"""The state of an attack: what is known about each example while searches run."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from benchmark.attacks.verification import margins
from benchmark.draws import uniform
from benchmark.spaces import IMAGES, InputBall
from benchmark.subject import Subject

MAX_CLEAN_MARGIN = 10.0
"""Largest clean logit margin, in units of the temperature. With larger ones the probability margin
of a confident prediction rounds to -1 in float32."""

MIN_EXAMPLES = 8
"""Smallest number of examples that a costly search selects."""


@dataclass
class AttackState:
    """Examples, their balls, and the progress of the attack on each.

    Only a :class:`benchmark.attacks.inputs.cascade.Scheduler` changes it. Searches get copies with
    the examples of one batch.

    Attributes:
        subject: the model and the n examples.
        ball: their balls, in the same order.
        rows: int64 (n,), index of each example in the whole evaluation set; seeds its draws.
        robust: bool (n,), not broken so far.
        images: (n, C, H, W), a misclassified image where the example is broken, else the clean one.
        clean_margins: (n,), logit margins ``max_{j != y} z_j - z_y`` of the clean images.
        margins: (n,), the largest logit margins verified so far.
        nearest: (n, C, H, W), the images that have these margins.
        reachable: bool (n,), false where a screening search ruled the example out.
        targets: int64 (n, K), target classes, the most promising first; empty until ranked.
        target_progress: (n, K), share of the logit gap to each target that was closed, or that a
            linear model would close.
        seed: of the current search's draws, see :meth:`random_starts`.
        share_scale: factor on the ``max_share`` of costly searches, at most 1.
        n_robust_at_start: number of robust examples before the first search.
        n_attacked: number of examples the current search runs on.
        gradients_masked: whether gradient masking was detected.
    """

    subject: Subject
    ball: InputBall
    rows: Tensor
    robust: Tensor
    images: Tensor
    clean_margins: Tensor
    margins: Tensor
    nearest: Tensor
    reachable: Tensor
    targets: Tensor
    target_progress: Tensor
    seed: int = 0
    share_scale: float = 1.0
    n_robust_at_start: int = 0
    n_attacked: int = 1
    gradients_masked: bool = False

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
            rows=torch.arange(len(subject), device=images.device),
            robust=robust,
            images=images.clone(),
            clean_margins=clean_margins,
            margins=clean_margins.clone(),
            nearest=images.clone(),
            reachable=torch.ones_like(correct),
            targets=no_targets.long(),
            target_progress=no_targets,
            n_robust_at_start=int(robust.sum()),
        )

    @property
    def margin_closed(self) -> Tensor:
        """(n,), share of the clean margin that was closed, from 0 to 1; NaN where not finite."""
        return (1 - self.margins / self.clean_margins.clamp_max(-1e-12)).clamp(0, 1)

    @property
    def temperature(self) -> Tensor:
        """(n,), at least 1: what logits are divided by so that no probability saturates."""
        return (-self.clean_margins / MAX_CLEAN_MARGIN).clamp_min(1)

    def closest(self, min_margin_closed: float, max_share: float) -> Tensor:
        """Bool (n,): the robust, reachable examples whose margin is closed the most.

        Args:
            min_margin_closed: leaves out examples below this share of their clean margin.
            max_share: of the examples that were robust at the start; :attr:`share_scale` times
                that where it is below 1, and at least :data:`MIN_EXAMPLES` examples.
        """
        closed = self.margin_closed.masked_fill(~(self.robust & self.reachable), -1)
        if max_share < 1:
            max_share = max_share * self.share_scale
        count = min(len(closed), max(MIN_EXAMPLES, round(max_share * self.n_robust_at_start)))
        chosen = torch.zeros_like(self.robust)
        chosen[closed.argsort(descending=True, stable=True)[:count]] = True
        return chosen & (closed >= min_margin_closed)

    def random_starts(self, stream: int | Tensor = 0) -> Tensor:
        """Random points of the balls (n, C, H, W); they do not depend on the batch.

        Args:
            stream: index of the search's draw, one for all or one per example (n,).
        """
        numbers = uniform(self.seed, self.rows, stream, self.ball.uniforms)
        return self.ball.point_at(numbers)[IMAGES]

    def take(self, rows: Tensor) -> AttackState:
        """A copy with some of the examples, by index."""
        tensors: dict[str, Any] = {
            name: value[rows] for name, value in vars(self).items() if isinstance(value, Tensor)
        }
        return replace(self, subject=self.subject.take(rows), ball=self.ball.take(rows), **tensors)


def evenly_spaced(rows: Tensor, count: int) -> Tensor:
    """At most ``count`` of the rows, evenly spaced from the first to the last."""
    if len(rows) <= count:
        return rows
    return rows[torch.linspace(0, len(rows) - 1, count, device=rows.device).round().long()]
