"""Check of the gradient against central differences."""

from __future__ import annotations

import torch
from torch import Tensor

from benchmark.checks.input_gradients import first_order_distance, input_gradients
from benchmark.objectives import other_logits, targeted_margin
from benchmark.results import Flag
from benchmark.subject import Subject

MAX_MEDIAN_ERROR = 0.3
"""Largest median relative error of the gradient without a flag. Measured: 0.02 to 0.13 for models
without masking, 0.5 to 1 for stopped gradients, straight-through rounding and
k-winners-take-all."""

N_DIRECTIONS = 4
"""Number of random sign vectors per example."""

MAX_EXAMPLES = 32
"""Number of examples compared; each costs two forward passes per direction."""

STEP_SHARE, MIN_STEP, MAX_STEP = 0.2, 1e-4, 1e-2
"""Step of a difference, as a share of the example's first-order distance to the decision boundary,
and its bounds in input units: shorter steps are dominated by float32 rounding, longer ones by the
curvature of the network."""

MAX_ERROR = 2.0
"""Largest possible relative error, and that of a gradient that is not finite."""


def inexact_gradients(subject: Subject) -> Flag:
    """Median relative error of the gradient against central differences.

    For each of the first :data:`MAX_EXAMPLES` examples the margin ``f`` towards its strongest other
    class is differentiated along :data:`N_DIRECTIONS` random sign vectors ``d``, by the gradient
    and by ``(f(x + h d) - f(x - h d)) / 2h``. The error is the distance of the two vectors of
    derivatives over the length of the longer one: 0 where they agree, 1 where one is zero, at most
    2. Images are first moved away from the edges of the box, so that no difference leaves it.
    """
    subject = subject.head(MAX_EXAMPLES)
    images = subject.images.clamp(MAX_STEP, 1 - MAX_STEP)
    best = other_logits(subject.logits(images), subject.labels).argmax(1)

    def gap(logits: Tensor, rows: Tensor) -> Tensor:
        return targeted_margin(logits.double(), subject.labels[rows], best[rows])

    (values, gradient), *_ = input_gradients(subject, images, gap)
    step = STEP_SHARE * first_order_distance(values, gradient)
    step = step.nan_to_num(MAX_STEP, MAX_STEP).clamp(MIN_STEP, MAX_STEP).float()
    generator = subject.generator("checks", "directions")
    rows = torch.arange(len(subject), device=images.device)
    measured, claimed = [], []
    for _ in range(N_DIRECTIONS):
        signs = (2 * torch.randint(0, 2, images.shape, generator=generator) - 1).to(images)
        move = step.view(-1, 1, 1, 1) * signs
        plus, minus = subject.logits(images + move), subject.logits(images - move)
        measured.append((gap(plus, rows) - gap(minus, rows)) / (2 * step.double()))
        claimed.append((gradient.double() * signs).flatten(1).sum(1))
    error = _relative_errors(torch.stack(measured), torch.stack(claimed))
    figure = float(error.median()) if len(error) else None
    return Flag(
        name="inexact_gradients",
        title="Gradients disagree with finite differences",
        raised=figure is not None and figure > MAX_MEDIAN_ERROR,
        figure=figure,
        saw="The outputs are not finite around any example, so there was nothing to measure."
        if figure is None
        else f"Along random directions the gradient of the logit margin is off by {figure:.1%} of "
        f"central differences (median over {len(error)} examples, steps of "
        f"{float(step.min()):.2g} to {float(step.max()):.2g}). More than "
        f"{MAX_MEDIAN_ERROR:.0%} raises the flag.",
        advice="Look for rounding, stopped gradients, steps or randomness inside the model: "
        "attacks follow a gradient that is not the model's. Attack with gradients averaged "
        "over a neighborhood, a differentiable approximation (BPDA), or without gradients.",
    )


def _relative_errors(measured: Tensor, claimed: Tensor) -> Tensor:
    """Errors of the examples whose derivatives (D, N) could be measured."""
    known = measured.isfinite().all(0)
    measured, claimed = measured[:, known], claimed[:, known]
    difference = (measured - claimed).norm(dim=0)
    longest = torch.maximum(measured.norm(dim=0), claimed.norm(dim=0))
    return torch.where(longest == 0, 0.0, difference / longest).nan_to_num(MAX_ERROR, MAX_ERROR)
