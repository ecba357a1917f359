"""Does the gradient tell the truth? It is held against central differences."""

from __future__ import annotations

import torch
from torch import Tensor

from benchmark.checks.slopes import first_order_distance, input_gradients
from benchmark.objectives import others, targeted_margin
from benchmark.results import Flag
from benchmark.subject import Subject

MISMATCH = 0.3
"""Limit of the median relative error of the gradient. Honest models were measured at 0.02 to 0.13,
stopped gradients, straight-through rounding and k-winners-take-all at 0.5 to 1."""

DIRECTIONS = 4
"""Random sign directions along which the gradient is compared with differences."""

COMPARED = 32
"""Examples it is compared on: each costs two forward passes a direction."""

FRACTION, SHORTEST, LONGEST = 0.2, 1e-4, 1e-2
"""The step of a difference, as a share of the example's first-order distance to the decision
boundary, and its bounds in input units: shorter steps drown in float32's rounding, longer ones
measure how curved an honest network is."""

WORST = 2.0
"""The largest relative error there is, and that of a gradient that is not finite."""


def inexact_gradients(subject: Subject) -> Flag:
    """Median relative error of the gradient against central differences.

    For each of the first :data:`COMPARED` examples the margin ``f`` towards its strongest other
    class is differentiated along :data:`DIRECTIONS` random sign vectors ``d``, by the gradient and
    by ``(f(x + h d) - f(x - h d)) / 2h``. The error is the distance of the two vectors of
    derivatives over the longer one's length: 0 where they agree, 1 where one is zero, at most 2.
    Images are first moved so far inside the box that no difference leaves it.
    """
    subject = subject.head(COMPARED)
    images = subject.images.clamp(LONGEST, 1 - LONGEST)
    best = others(subject.logits(images), subject.labels).argmax(1)

    def gap(logits: Tensor, rows: Tensor) -> Tensor:
        return targeted_margin(logits.double(), subject.labels[rows], best[rows])

    (values, slope), *_ = input_gradients(subject, images, gap)
    reach = FRACTION * first_order_distance(values, slope)
    step = reach.nan_to_num(LONGEST, LONGEST).clamp(SHORTEST, LONGEST).float()
    generator = subject.generator("checks", "directions")
    rows = torch.arange(len(subject), device=images.device)
    measured, claimed = [], []
    for _ in range(DIRECTIONS):
        signs = (2 * torch.randint(0, 2, images.shape, generator=generator) - 1).to(images)
        move = step.view(-1, 1, 1, 1) * signs
        ahead, behind = subject.logits(images + move), subject.logits(images - move)
        measured.append((gap(ahead, rows) - gap(behind, rows)) / (2 * step.double()))
        claimed.append((slope.double() * signs).flatten(1).sum(1))
    error = _relative_errors(torch.stack(measured), torch.stack(claimed))
    figure = float(error.median()) if len(error) else None
    return Flag(
        name="inexact_gradients",
        title="Gradients disagree with finite differences",
        raised=figure is not None and figure > MISMATCH,
        figure=figure,
        saw="Around no example are the outputs finite, so there was nothing to measure."
        if figure is None
        else f"Along random directions the gradient of the logit margin is off by {figure:.1%} of "
        f"central differences (median over {len(error)} examples, steps of "
        f"{float(step.min()):.2g} to {float(step.max()):.2g}). More than {MISMATCH:.0%} raises the "
        "flag.",
        advice="Look for rounding, stopped gradients, steps or randomness inside the model: "
        "attacks are told a slope that the model does not have. Attack with gradients averaged "
        "over a neighbourhood, a differentiable stand-in (BPDA), or without gradients.",
    )


def _relative_errors(measured: Tensor, claimed: Tensor) -> Tensor:
    """Errors of the examples whose derivatives (D, N) could be measured."""
    known = measured.isfinite().all(0)
    measured, claimed = measured[:, known], claimed[:, known]
    apart = (measured - claimed).norm(dim=0)
    longest = torch.maximum(measured.norm(dim=0), claimed.norm(dim=0))
    return torch.where(longest == 0, 0.0, apart / longest).nan_to_num(WORST, WORST)
