"""A test for gradient masking: do gradients predict what happens inside the ball?

The gradient ``g`` of the margin ``f`` to the strongest other class is compared with differences
along random sign vectors ``d`` of half the budget:

    error = |c - m| / max(|c|, |m|),   c_k = g . (x+ - x-),   m_k = f(x+) - f(x-),
    x+- = clip(x +- d_k)

Gradients count as masked where the median of the errors is above :data:`MAX_MEDIAN_ERROR`. The
check ``inexact_gradients`` compares closer to the image, where a steep staircase is smooth; attacks
take larger steps.

Source: this project, after the symptoms in Athalye, Carlini & Wagner 2018.

Hyper-parameters: the constants below.
"""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor

from benchmark.attacks.inputs.state import AttackState, evenly_spaced
from benchmark.draws import uniform
from benchmark.image_gradients import image_gradient
from benchmark.objectives import other_logits, targeted_margin
from benchmark.spaces.inputs import MIN_LENGTH
from benchmark.spaces.inside import ORDERS

MAX_EXAMPLES = 16
"""Number of robust examples that are tested, evenly spaced."""

N_DIRECTIONS = 8
"""Number of random sign vectors per example."""

DIRECTION_LENGTH = 0.5
"""Length of these vectors, in radii."""

MAX_MEDIAN_ERROR = 0.6
"""Median relative error above which gradients count as masked. At budgets that leave a part of the
examples robust, it is 0.02 to 0.4 for the bundled models and CIFAR-10 networks, and 0.8 to 1 behind
staircases and rounding. Standard networks reach 0.9 at 16/255, where no example is robust."""


def gradients_are_masked(state: AttackState) -> bool:
    """Whether the median error of gradients over half the budget is above the limit.

    Args:
        state: the examples; up to :data:`MAX_EXAMPLES` robust ones are tested. Examples whose
            logits are not finite are left out.
    """
    rows = evenly_spaced(state.robust.nonzero().squeeze(1), MAX_EXAMPLES)
    error = relative_errors(state.take(rows)) if len(rows) else state.margins[rows]
    error = error[error.isfinite()]
    return bool(len(error)) and float(error.median()) > MAX_MEDIAN_ERROR


def relative_errors(state: AttackState) -> Tensor:
    """Relative errors (n,) of the gradients along random directions, from 0 to 2.

    Args:
        state: the examples, few enough for one batch.
    """
    subject, size = state.subject, state.subject.images.shape[1:].numel()
    best = other_logits(subject.logits(), subject.labels).argmax(1)
    objective = partial(targeted_margin, labels=subject.labels, targets=best)
    _, _, gradient = image_gradient(subject, subject.images, objective)
    length = DIRECTION_LENGTH * state.ball.radii / size ** (1 / ORDERS[state.ball.norm])
    claims, measurements = [], []
    for direction in range(N_DIRECTIONS):
        numbers = uniform(state.seed, state.rows, direction, size)
        move = length[:, None] * torch.where(numbers < 0.5, 1.0, -1.0)
        move = move.view_as(subject.images)
        plus, minus = (subject.images + move).clamp(0, 1), (subject.images - move).clamp(0, 1)
        claims.append((gradient * (plus - minus)).flatten(1).sum(1))
        measurements.append(objective(subject.logits(plus)) - objective(subject.logits(minus)))
    claimed, measured = torch.stack(claims), torch.stack(measurements)
    longer = torch.maximum(claimed.norm(dim=0), measured.norm(dim=0))
    difference: Tensor = (claimed - measured).norm(dim=0)
    return torch.where(longer == 0, 1.0, difference / longer.clamp_min(MIN_LENGTH))
