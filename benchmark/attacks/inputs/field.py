"""What is known of each example while searches run over them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from benchmark.attacks.verification import margins
from benchmark.draws import uniform
from benchmark.spaces import IMAGES, InputBall
from benchmark.subject import Subject
from models_zoo.prediction import predicted_classes

CALM = 10.0
"""The logit margin, in units of the temperature, that clean images are brought to at most. With
more, the probability margin of a sure prediction is -1 to the last bit of float32."""

LEAST = 8
"""Examples that a costly search is run on at least."""


@dataclass
class Field:
    """Examples, their balls, and how far they have been pushed.

    Attributes:
        subject: the model and the n examples.
        ball: their balls, in the same order.
        rows: int64 (n,), each example's index in the whole evaluation set; names its draws.
        standing: bool (n,), not known to fall.
        images: (n, C, H, W), the proof where an example fell, else the clean image.
        clean: (n,), logit margins ``max_{j != y} z_j - z_y`` of the clean images.
        margins: (n,), the greatest logit margins verified so far.
        nearest: (n, C, H, W), the images that have them.
        crowd: how many examples the current search is run on.
        masked: whether gradients were seen to lead astray: a search without them did better, or
            they say nothing of what happens half a budget away.
        begun: how many examples stood in the beginning.
        seed: of the current search's draws; see :meth:`random_starts`.
        thrift: what the shares of costly searches are multiplied by; halved where they do not pay.
        reachable: bool (n,), examples that fall in a larger ball, and so may fall in this one.
        targets: int64 (n, K), classes to aim at.
        promise: (n, K), how near each of them has come: the share of its gap that was closed, or
            what a linear model would close.
    """

    subject: Subject
    ball: InputBall
    rows: Tensor
    standing: Tensor
    images: Tensor
    clean: Tensor
    margins: Tensor
    nearest: Tensor
    reachable: Tensor
    targets: Tensor
    promise: Tensor
    seed: int = 0
    thrift: float = 1.0
    begun: int = 0
    crowd: int = 1
    masked: bool = False

    @classmethod
    def of(cls, subject: Subject, ball: InputBall, open_rows: Tensor | None = None) -> Field:
        """The field before any search; ``open_rows`` (N,) says which examples to attack."""
        correct, images = subject.correct(), subject.images
        standing = correct.clone() if open_rows is None else correct & open_rows
        clean = margins(subject.logits(), subject.labels)
        nobody = torch.zeros(len(subject), 0, device=images.device)
        return cls(
            subject=subject,
            ball=ball,
            rows=torch.arange(len(subject), device=images.device),
            standing=standing,
            images=images.clone(),
            clean=clean,
            margins=clean.clone(),
            nearest=images.clone(),
            reachable=torch.ones_like(correct),
            targets=nobody.long(),
            promise=nobody,
            begun=int(standing.sum()),
        )

    @property
    def closed(self) -> Tensor:
        """(n,), the share of the clean margin that the searches have taken away, from 0 to 1."""
        return (1 - self.margins / self.clean.clamp_max(-1e-12)).clamp(0, 1)

    @property
    def temperature(self) -> Tensor:
        """(n,), at least 1: what the logits are divided by so that no probability saturates."""
        return (-self.clean / CALM).clamp_min(1)

    def near(self, above: float, share: float) -> Tensor:
        """Bool (n,): the standing, reachable examples whose margin is closed the most.

        Args:
            above: only where it is closed by at least this share.
            share: at most this share of the examples that stood in the beginning, or
                :data:`LEAST` where that is more; less where costly searches have not paid.
        """
        closed = self.closed.masked_fill(~(self.standing & self.reachable), -1)
        if share < 1:
            share = share * self.thrift
        most = min(len(closed), max(LEAST, round(share * self.begun)))
        chosen = torch.zeros_like(self.standing)
        chosen[closed.argsort(descending=True, stable=True)[:most]] = True
        return chosen & (closed >= above)

    def random_starts(self, stream: int | Tensor = 0) -> Tensor:
        """Random points of the balls (n, C, H, W), each example's own whatever its batch.

        Args:
            stream: which of the search's draws, one for all or one an example (n,).
        """
        numbers = uniform(self.seed, self.rows, stream, self.ball.uniforms)
        return self.ball.point_at(numbers)[IMAGES]

    def take(self, rows: Tensor) -> Field:
        """A copy with some of the examples."""
        tensors: dict[str, Any] = {
            name: value[rows] for name, value in vars(self).items() if isinstance(value, Tensor)
        }
        return replace(self, subject=self.subject.take(rows), ball=self.ball.take(rows), **tensors)

    def learn(self, rows: Tensor, some: Field, images: Tensor, logits: Tensor) -> None:
        """Take in what a search said of some of the examples, and what was verified of its finds.

        Args:
            rows: their indices in this field.
            some: the copy the search worked on.
            images: images (n, C, H, W) inside their balls.
            logits: the model's answers to them, (n, K).
        """
        self.reachable[rows] = some.reachable
        self.promise[rows] = some.promise
        labels = self.subject.labels[rows]
        found = margins(logits, labels)
        further = found > self.margins[rows]
        self.nearest[rows[further]] = images[further]
        self.margins[rows[further]] = found[further]
        fell = predicted_classes(logits) != labels
        self.images[rows[fell]] = images[fell]
        self.standing[rows[fell]] = False
