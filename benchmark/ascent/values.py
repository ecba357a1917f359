"""Objectives as functions of a point: one value per example, or one for the whole set."""

from __future__ import annotations

import torch
from torch import Tensor

from benchmark.ascent.result import Evaluate, Evaluation
from benchmark.image_gradients import image_gradient
from benchmark.objectives import Objective
from benchmark.spaces import IMAGES, Point
from benchmark.subject import Subject
from models_zoo.prediction import predicted_classes


def per_example(
    subject: Subject, objective: Objective, *more: Tensor, stop: bool = True
) -> Evaluate:
    """The objective per image, for ascents in an :class:`InputBall` over the subject's images.

    Args:
        subject: the model, the labels and any perturbed weights; small enough for one batch.
        objective: a per-example loss.
        more: further arguments of the objective, one row per example.
        stop: whether a misclassified image counts as broken and may stop.
    """

    def evaluate(point: Point, rows: Tensor) -> Evaluation:
        labels = subject.labels[rows]
        logits, values, gradient = image_gradient(
            subject,
            point[IMAGES],
            lambda logits: objective(logits, labels, *(each[rows] for each in more)),
        )
        broken = predicted_classes(logits) != labels if stop else None
        return Evaluation(values, {IMAGES: gradient}, broken)

    return evaluate


def whole_set(subject: Subject, objective: Objective, *more: Tensor) -> Evaluate:
    """The objective's mean over all examples, for ascents in a weight ball or a product with one.

    Gradients are accumulated batch by batch, so memory is bounded by one batch and one copy of the
    weights. Where the point holds images, they are used in place of the subject's. Examples whose
    loss is undefined are misclassified already and are left out of the mean.

    Args:
        subject: the model, the examples and their labels.
        objective: a per-example loss.
        more: what the objective needs beyond labels, one row per example.
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
            inputs = list(weights.values())
            if IMAGES in point:
                inputs = [*inputs, images.requires_grad_(True)]
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
            parts = subject.gradients(value, inputs, len(images))
            for name, part in zip(weights, parts, strict=False):
                gradient[name] = gradient[name] + part if name in gradient else part
            if IMAGES in point:
                gradient[IMAGES][batch] = parts[-1]
            total += value.detach().double()
        return Evaluation(total.view(1), gradient)

    return evaluate
