"""What is known of each example while searches run over them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from benchmark.attacks.verification import margins
from benchmark.spaces import InputBall
from benchmark.subject import Subject


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
        starts: (n, C, H, W), points of the balls a search may start from.
        targets: int64 (n, K), classes to aim at, the most promising first.
    """

    subject: Subject
    ball: InputBall
    rows: Tensor
    standing: Tensor
    images: Tensor
    clean: Tensor
    margins: Tensor
    nearest: Tensor
    starts: Tensor
    targets: Tensor | None = None

    @classmethod
    def of(cls, subject: Subject, ball: InputBall, open_rows: Tensor | None = None) -> Field:
        """The field before any search; ``open_rows`` (N,) says which examples to attack."""
        standing = subject.correct()
        if open_rows is not None:
            standing = standing & open_rows
        clean = margins(subject.logits(), subject.labels)
        rows = torch.arange(len(subject), device=subject.images.device)
        images = subject.images
        return cls(
            subject, ball, rows, standing, images.clone(), clean, clean.clone(), images, images
        )

    @property
    def closed(self) -> Tensor:
        """(n,), the share of the clean margin that the searches have taken away, from 0 to 1."""
        return (1 - self.margins / self.clean.clamp_max(-1e-12)).clamp(0, 1)

    def take(self, rows: Tensor) -> Field:
        """A copy with some of the examples."""
        tensors = {
            name: value[rows] for name, value in vars(self).items() if isinstance(value, Tensor)
        }
        return replace(self, subject=self.subject.take(rows), ball=self.ball.take(rows), **tensors)

    def learn(self, rows: Tensor, images: Tensor, logits: Tensor) -> None:
        """Take in what was verified of some of the examples.

        Args:
            rows: their indices in this field.
            images: images (n, C, H, W) inside their balls.
            logits: the model's answers to them, (n, K).
        """
        labels = self.subject.labels[rows]
        found = margins(logits, labels)
        further = found > self.margins[rows]
        if self.nearest is self.subject.images:
            self.nearest = self.nearest.clone()
        self.nearest[rows[further]] = images[further]
        self.margins[rows[further]] = found[further]
        fell = logits.argmax(1) != labels
        self.images[rows[fell]] = images[fell]
        self.standing[rows[fell]] = False
