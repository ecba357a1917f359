"""Attacked images that move together with an ascent over weights."""

from __future__ import annotations

from torch import Tensor

from benchmark.ascent import Evaluate, Evaluation
from benchmark.spaces import IMAGES, InputBall, Point


class FollowedImages:
    """The mean loss of weights, where the images take one step per evaluation.

    A pass gives the gradients with respect to weights and images. The ascent has a step for the
    weights alone, in units of their ball.

    Args:
        evaluate: the mean loss of weights and images.
        ball: the input ball.
        images: (N, C, H, W), where the images start.
        steps: number of steps, over which their length decreases linearly.
        first: length of the first step, in radii of the input ball.

    Attributes:
        best: the images at the evaluation of the largest loss.
    """

    def __init__(
        self, evaluate: Evaluate, ball: InputBall, images: Tensor, steps: int, first: float
    ) -> None:
        self._evaluate, self._ball = evaluate, ball
        self._images, self.best = images, images
        self._steps, self._first, self._taken = steps, first, 0
        self._largest = -float("inf")

    def __call__(self, point: Point, rows: Tensor) -> Evaluation:
        """The loss at weights and the current images, which then move."""
        found = self._evaluate({IMAGES: self._images} | point, rows)
        if float(found.values) > self._largest:
            self._largest, self.best = float(found.values), self._images
        length = self._first * (1 - self._taken / self._steps)
        self._taken += 1
        if length > 0:
            uphill = self._ball.steepest({IMAGES: found.gradient[IMAGES]})
            step = self._images.new_full((len(self._images),), length)
            moved = self._ball.move({IMAGES: self._images}, uphill, step)
            self._images = self._ball.project(moved)[IMAGES]
        gradient = {name: part for name, part in found.gradient.items() if name != IMAGES}
        return Evaluation(found.values, gradient)
