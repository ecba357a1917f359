"""Whether gradients tell what happens inside the ball, or only at the point they were asked at."""

from __future__ import annotations

import torch
from torch import Tensor

from benchmark.attacks.inputs.field import Field
from benchmark.draws import uniform
from benchmark.objectives import others, targeted_margin
from benchmark.spaces.inputs import TINY
from benchmark.spaces.inside import ORDERS

ASKED = 16
"""Standing examples that are asked at most, spread evenly."""

DIRECTIONS = 8
"""Random sign vectors an example, each asked in both directions."""

REACH = 0.5
"""Length of those vectors, in radii."""

ASTRAY = 0.6
"""Median relative error from which on gradients lead astray. Measured at budgets that leave a part
of the examples standing: 0.02 to 0.4 on the bundled models and CIFAR-10 networks, 0.8 to 1 behind
the staircases and rounding on which attacks by gradients fall short. Networks trained without
attacks reach 0.9, at budgets of 16/255 that leave none standing."""


def gradients_lead_astray(field: Field) -> bool:
    """Whether steps of half the budget end elsewhere than the gradient at the image says.

    The margin to the strongest other class is compared along random directions, as in the check
    ``inexact_gradients``, which looks closer to the image: there a steep staircase is smooth. For
    an attack it is not. Examples whose logits are not finite are left out.

    Args:
        field: examples; those standing are asked.
    """
    rows = spread(field.standing.nonzero().squeeze(1), ASKED)
    error = relative_errors(field.take(rows)) if len(rows) else field.margins[rows]
    error = error[error.isfinite()]
    return bool(len(error)) and float(error.median()) > ASTRAY


def relative_errors(field: Field) -> Tensor:
    """Relative errors (n,) of the gradient along random directions.

    The distance of claimed to measured rises over the longer of the two: 0 where they agree, 1
    where one of them is nil, at most 2.

    Args:
        field: the examples, few enough for one batch.
    """
    subject, size = field.subject, field.subject.images.shape[1:].numel()
    best = others(subject.logits(), subject.labels).argmax(1)
    images = subject.images.detach().requires_grad_(True)
    with torch.enable_grad():
        rise = targeted_margin(subject.forward(images), subject.labels, best)
    (slope,) = subject.gradients(rise.sum(), [images], len(images))
    reach = REACH * field.ball.radii / size ** (1 / ORDERS[field.ball.norm])
    claimed, measured = [], []
    for direction in range(DIRECTIONS):
        numbers = uniform(field.seed, field.rows, direction, size)
        move = reach[:, None] * torch.where(numbers < 0.5, 1.0, -1.0)
        move = move.view_as(subject.images)
        ahead, behind = (subject.images + move).clamp(0, 1), (subject.images - move).clamp(0, 1)
        claimed.append((slope * (ahead - behind)).flatten(1).sum(1))
        risen = targeted_margin(subject.logits(ahead), subject.labels, best)
        fallen = targeted_margin(subject.logits(behind), subject.labels, best)
        measured.append(risen - fallen)
    told, seen = torch.stack(claimed), torch.stack(measured)
    longest = torch.maximum(told.norm(dim=0), seen.norm(dim=0))
    apart: Tensor = (told - seen).norm(dim=0)
    return torch.where(longest == 0, 1.0, apart / longest.clamp_min(TINY))


def spread(rows: Tensor, most: int) -> Tensor:
    """At most so many of the rows, spread evenly from the first to the last."""
    if len(rows) <= most:
        return rows
    return rows[torch.linspace(0, len(rows) - 1, most, device=rows.device).round().long()]
