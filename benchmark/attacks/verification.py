"""Verification: no number is recorded for a point that was not measured and classified again."""

from __future__ import annotations

import torch
from torch import Tensor

from benchmark.spaces import IMAGES, InputBall, Point, Space
from benchmark.subject import Subject

TOLERANCE = 1e-6
"""How far outside its space a point may be measured: rounding of float32."""


def verified_fallen(subject: Subject, ball: InputBall, candidates: Tensor) -> tuple[Tensor, Tensor]:
    """Put candidate images back into their balls and classify them again in float32.

    Args:
        subject: model and labels of the candidates' clean images.
        ball: the balls the candidates belong to, in the same order.
        candidates: images (N, C, H, W), from any search.

    Returns:
        Bool (N,), misclassified, and the images inside the ball this holds for.

    Raises:
        RuntimeError: a projected image was measured outside its ball.
    """
    inside = ball.project({IMAGES: candidates.float()})
    inside[IMAGES] = torch.where(inside[IMAGES].isfinite(), inside[IMAGES], ball.images)
    require_inside(ball, inside)
    return subject.logits(inside[IMAGES]).argmax(1) != subject.labels, inside[IMAGES]


def require_inside(space: Space, point: Point) -> None:
    """Measure a point in float64 against its space.

    Raises:
        RuntimeError: it lies outside by more than :data:`TOLERANCE`.
    """
    excess = float(space.excess(point).amax())
    if not excess <= TOLERANCE:
        raise RuntimeError(f"a point lies {excess:.3g} outside its space; the search is broken")
