"""Attacks that know the defence: every detector and the reformer.

The requirement is that no detector rejects the image and that the classifier is wrong about its
reconstruction. Its violation is the sum of the constraints' violations,

    max(0, z_y - max_{j != y} z_j + margin) at the reconstruction
    + sum over detectors d of max(0, (s_d - t_d) / scale_d + slack),

where ``scale_d`` is the distance from the median of the clean validation scores to the threshold
``t_d``, so that detectors with different units count alike.

Source: Carlini & Wagner 2017, "MagNet and efficient defenses against adversarial attacks are not
robust to adversarial examples", whose public code adds such terms to the l2 attack. Here the same
requirement serves that attack and an ascent inside an linf ball, which starts at the image, at what
an attack that does not know the defence found, and at random points.

Hyper-parameters: number of steps and starts, :data:`SLACK` and :data:`MARGIN`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from benchmark.ascent import apgd
from benchmark.ascent.result import Evaluate, Evaluation
from benchmark.attacks.confident import Violation
from benchmark.attacks.verification import require_inside
from benchmark.detection.defence import Detectors
from benchmark.detection.thresholds import Thresholds
from benchmark.objectives import margin
from benchmark.spaces import IMAGES, InputBall
from benchmark.subject import Subject

MARGIN = 1e-3
"""Margin, in logits, by which the reconstruction is to be misclassified."""

SLACK = 0.01
"""Share of ``scale_d`` by which a score is to stay below its threshold: scores are rounded."""

MIN_SCALE = 1e-9
"""Smallest ``scale_d``, where a detector's threshold is the median of its scores."""


def defence_violation(
    detectors: Detectors,
    labels: Tensor,
    thresholds: Thresholds,
    validation: Mapping[str, Tensor],
) -> Violation:
    """How far images are from passing the detectors and being misclassified behind them.

    Args:
        detectors: of the defence.
        labels: of the examples (N,).
        thresholds: of the detectors that are in use.
        validation: clean scores (V,) by detector, for the scales.
    """
    scales = {
        name: max(limit - float(validation[name].median()), MIN_SCALE)
        for name, limit in thresholds.items()
        if limit < torch.inf
    }

    def violation(images: Tensor, rows: Tensor) -> Tensor:
        scores, _, reformed = detectors.scores(images, list(scales))
        total = (MARGIN - margin(reformed, labels[rows])).clamp_min(0).double()
        for name, scale in scales.items():
            total = total + ((scores[name] - thresholds[name]) / scale + SLACK).clamp_min(0)
        return total.to(images.dtype)

    return violation


def defeat_in_ball(
    subject: Subject,
    ball: InputBall,
    violation: Violation,
    starts: Sequence[Tensor],
    steps: int,
) -> Tensor:
    """Ascend against the violation inside balls, from one start after the other.

    Args:
        subject: the classifier with N examples.
        ball: around them.
        violation: of the requirement.
        starts: images (N, C, H, W), one set per restart.
        steps: APGD steps of each.

    Returns:
        Images (N, C, H, W), measured to be inside: where the violation was 0, or else the smallest.
    """
    images = subject.images.clone()
    for rows in subject.row_batches():
        best = torch.full((len(rows),), -torch.inf, device=rows.device)
        for start in starts:
            left = (best < 0).nonzero().flatten()
            if not len(left):
                break
            there, local = rows[left], ball.take(rows[left])
            evaluate = _against(subject, violation, there)
            origin = local.project({IMAGES: start[there]})
            found = apgd(local, evaluate, origin, steps)
            inside = local.project(found.point)
            require_inside(local, inside)
            with torch.no_grad():
                values = -violation(inside[IMAGES], there)
            better = values > best[left]
            best[left[better]] = values[better]
            images[there[better]] = inside[IMAGES][better]
    return images


def _against(subject: Subject, violation: Violation, rows: Tensor) -> Evaluate:
    """Minus the violation of some examples, as an objective of an ascent."""

    def evaluate(point: dict[str, Tensor], places: Tensor) -> Evaluation:
        images = point[IMAGES].detach().requires_grad_(True)
        with torch.enable_grad():
            values = -violation(images, rows[places])
        (gradient,) = subject.gradients(values.sum(), [images], len(images))
        found = values.detach()
        return Evaluation(found, {IMAGES: gradient}, found >= 0)

    return evaluate
