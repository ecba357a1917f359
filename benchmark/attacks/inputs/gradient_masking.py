"""A test for gradient masking: do gradients predict what happens inside the ball?

The gradient ``g`` of the margin ``f`` to the strongest other class is compared with differences
along random sign vectors ``d`` of half the budget:

    error = |c - m| / max(|c|, |m|),   c_k = g . (x+ - x-),   m_k = f(x+) - f(x-),
    x+- = clip(x +- d_k)

Where the error is above :data:`MAX_ERROR`, an example's gradients may be masked. The check
``inexact_gradients`` compares closer to the image, where a steep staircase is smooth; attacks take
larger steps.

Source: this project, after the symptoms in Athalye, Carlini & Wagner 2018.

Hyper-parameters: the constants below.
"""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor

from benchmark.attacks.inputs.state import AttackState
from benchmark.draws import uniform
from benchmark.image_gradients import image_gradient
from benchmark.objectives import other_logits, targeted_margin
from benchmark.spaces.inputs import MIN_LENGTH
from benchmark.spaces.inside import ORDERS

N_DIRECTIONS = 8
"""Number of random sign vectors per example."""

DIRECTION_LENGTH = 0.5
"""Length of these vectors, in radii."""

MAX_ERROR = 0.45
"""Relative error above which gradients may be masked. On robust examples of the bundled digits
models and budgets it is above that for at most one in twenty (adversarially trained, linf 0.2) and
mostly for none; behind staircases and rounding, for 85% to 100%."""

MASKED_ERROR = 0.9
"""Relative error above which gradients count as masked, as where they are zero."""


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
        numbers = uniform(state.seed, state.keys, direction, size)
        move = length[:, None] * torch.where(numbers < 0.5, 1.0, -1.0)
        move = move.view_as(subject.images)
        plus, minus = (subject.images + move).clamp(0, 1), (subject.images - move).clamp(0, 1)
        claims.append((gradient * (plus - minus)).flatten(1).sum(1))
        measurements.append(objective(subject.logits(plus)) - objective(subject.logits(minus)))
    claimed, measured = torch.stack(claims), torch.stack(measurements)
    longer = torch.maximum(claimed.norm(dim=0), measured.norm(dim=0))
    difference: Tensor = (claimed - measured).norm(dim=0)
    return torch.where(longer == 0, 1.0, difference / longer.clamp_min(MIN_LENGTH))
