"""Objectives turned into functions of a point: one value an example, or one for the whole set."""

from __future__ import annotations

import torch
from torch import Tensor

from benchmark.ascent.climb import Evaluate, Evaluation
from benchmark.objectives import Objective
from benchmark.spaces import IMAGES, Point
from benchmark.subject import Subject
from models_zoo.prediction import predicted_classes


def per_example(
    subject: Subject, objective: Objective, *more: Tensor, stop: bool = True
) -> Evaluate:
    """Each image's own objective, for ascents in an :class:`InputBall` over the subject's images.

    Args:
        subject: gives the model, the labels and any perturbed weights; small enough for one batch.
        objective: a per-example loss.
        more: what the objective needs beyond labels, one row an example.
        stop: whether a misclassified image has fallen and may stop.
    """

    def evaluate(point: Point, rows: Tensor) -> Evaluation:
        images = point[IMAGES].detach().requires_grad_(True)
        labels = subject.labels[rows]
        with torch.enable_grad():
            logits = subject.forward(images)
            values = objective(logits, labels, *(each[rows] for each in more))
        (slope,) = subject.gradients(values.sum(), [images], len(images))
        fallen = predicted_classes(logits.detach()) != labels if stop else None
        return Evaluation(values.detach(), {IMAGES: slope}, fallen)

    return evaluate


def whole_set(subject: Subject, objective: Objective, *more: Tensor) -> Evaluate:
    """The objective's mean over all examples, for ascents in a weight ball or a product with one.

    Gradients are accumulated batch by batch, so memory is bounded by one batch and one copy of the
    weights. Where the point holds images, they are used in place of the subject's. An example whose
    loss is undefined is misclassified already and has no part in the mean.

    Args:
        subject: gives the model, the examples and their labels.
        objective: a per-example loss.
        more: what the objective needs beyond labels, one row an example.
    """

    def evaluate(point: Point, rows: Tensor) -> Evaluation:
        weights = {
            name: tensor.detach().requires_grad_(True)
            for name, tensor in point.items()
            if name != IMAGES
        }
        total = torch.zeros((), dtype=torch.float64, device=subject.images.device)
        gradient: Point = {}
        if IMAGES in point:
            gradient[IMAGES] = torch.zeros_like(point[IMAGES])
        for batch in subject.batches():
            images = point.get(IMAGES, subject.images)[batch].detach()
            asked = list(weights.values())
            if IMAGES in point:
                asked = [*asked, images.requires_grad_(True)]
            labels, others = subject.labels[batch], [each[batch] for each in more]
            with torch.enable_grad():
                losses = objective(subject.forward(images, weights), labels, *others)
                defined = losses.detach().isfinite()
                if not bool(defined.all()):  # one of them would make the whole gradient undefined
                    losses = losses.new_zeros(0)
                    if bool(defined.any()):
                        logits = subject.forward(images[defined], weights)
                        losses = objective(
                            logits, labels[defined], *(each[defined] for each in others)
                        )
                value = losses.sum() / len(subject)
            slopes = subject.gradients(value, asked, len(images))
            for name, slope in zip(weights, slopes, strict=False):
                gradient[name] = gradient[name] + slope if name in gradient else slope
            if IMAGES in point:
                gradient[IMAGES][batch] = slopes[-1]
            total += value.detach().double()
        return Evaluation(total.view(1), gradient)

    return evaluate
