"""Attacked images that follow an ascent over weights."""

from __future__ import annotations

import torch
from torch import Tensor

from benchmark.ascent import Evaluation, whole_set
from benchmark.measures.robust_loss import RobustLoss
from benchmark.objectives import cross_entropy
from benchmark.spaces import IMAGES, InputBall, Point
from benchmark.subject import Subject

INPUT_STEP = 0.007 / 0.0314
"""Length of the input steps of Stutz et al. 2021 (code), as a share of the budget."""


class FollowedImages:
    """The mean robust loss of weights, where the images take one step per evaluation.

    A pass gives the gradients with respect to weights and images. The ascent has a step for the
    weights alone: a step that suits weights is often too long or too short for images.

    Args:
        subject: model and examples.
        loss: the loss, with the input ball and the temperature.
        images: (N, C, H, W), where the images start.

    Attributes:
        best: the images at the evaluation of the largest loss.
    """

    def __init__(self, subject: Subject, loss: RobustLoss, images: Tensor) -> None:
        self._evaluate = whole_set(subject, cross_entropy, *loss.more(subject))
        self._ball = InputBall(subject.images, "linf", loss.eps)
        self._step = torch.full((len(subject),), INPUT_STEP, device=images.device)
        self._images, self.best = images, images
        self._largest = -float("inf")

    def __call__(self, point: Point, rows: Tensor) -> Evaluation:
        """The loss at weights and the current images, which then move."""
        found = self._evaluate({IMAGES: self._images} | point, rows)
        if float(found.values) > self._largest:
            self._largest, self.best = float(found.values), self._images
        uphill = self._ball.steepest({IMAGES: found.gradient[IMAGES]})
        moved = self._ball.move({IMAGES: self._images}, uphill, self._step)
        self._images = self._ball.project(moved)[IMAGES]
        gradient = {name: part for name, part in found.gradient.items() if name != IMAGES}
        return Evaluation(found.values, gradient)
