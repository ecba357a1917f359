"""Verification: every point is measured and classified again before it counts."""

from __future__ import annotations

import torch
from torch import Tensor

from benchmark.objectives import margin
from benchmark.spaces import IMAGES, InputBall, Point, Space
from benchmark.subject import Subject
from models_zoo.prediction import predicted_classes


def classified(subject: Subject, ball: InputBall, candidates: Tensor) -> tuple[Tensor, Tensor]:
    """Project candidate images into their balls and classify them again in float32.

    Args:
        subject: model and labels of the candidates' clean images.
        ball: the balls the candidates belong to, in the same order.
        candidates: images (N, C, H, W), from any search.

    Returns:
        The images inside the ball, and their logits (N, K).

    Raises:
        RuntimeError: a projected image was measured outside its ball.
    """
    finite = torch.where(candidates.isfinite(), candidates.float(), ball.images)
    inside = ball.project({IMAGES: finite})
    require_inside(ball, inside)
    return inside[IMAGES], subject.logits(inside[IMAGES])


def verified_broken(subject: Subject, ball: InputBall, candidates: Tensor) -> tuple[Tensor, Tensor]:
    """As :func:`classified`: bool (N,), which images are misclassified, and the images."""
    inside, logits = classified(subject, ball, candidates)
    return predicted_classes(logits) != subject.labels, inside


def margins(logits: Tensor, labels: Tensor) -> Tensor:
    """Logit margins (N,), with minus infinity where the logits are not finite."""
    values = margin(logits, labels)
    return torch.where(values.isnan(), -torch.inf, values)


def require_inside(space: Space, point: Point) -> None:
    """Measure a point in float64 against its space.

    Raises:
        RuntimeError: it lies outside, see :meth:`benchmark.spaces.Space.contains`.
    """
    if not space.contains(point):
        excess = float(space.excess(point).amax())
        raise RuntimeError(f"a point lies {excess:.3g} outside its space; the search is faulty")
