"""How many draws a gradient has to be averaged over, found on a few examples before the attack.

Two independent averages over K draws point in nearly the same direction if K is large enough. K is
the smallest of :data:`CHOICES` at which the median cosine of the two, over up to :data:`EXAMPLES`
examples, is above :data:`MIN_COSINE`. Gradients scatter more where an attack ends than at the clean
images, which is why each effort has a least number as well: docs/probes/randomized.md has a table.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity

from benchmark.generators import generators_restored
from benchmark.image_gradients import DifferentiableForward
from benchmark.objectives import margin
from benchmark.randomness import Draws, largest_difference, largest_logit
from benchmark.randomness.kind import MAX_REPEATED_CHANGE
from benchmark.results import Flag
from benchmark.subject import Subject

CHOICES = (1, 5, 10, 20, 50)
"""Numbers of draws that are tried."""

MIN_COSINE = 0.9
"""Smallest median cosine of two averages that point in the same direction."""

EXAMPLES = 32
"""Largest number of examples that are tried."""

MAX_ZERO_SHARE = 0.05
"""Share of examples without a gradient above which a flag is raised."""


@dataclass(frozen=True)
class Pilot:
    """What was found on a few examples.

    Attributes:
        draws: number of draws over which gradients are averaged.
        cosines: median cosine of two averages, by the number of draws that were tried.
        zero: share of the examples whose average gradient is exactly zero.
        changed: largest difference of a logit with and without gradients, at the same draws, as a
            share of the largest logit; ``None`` if draws cannot be repeated.
    """

    draws: int
    cosines: dict[int, float]
    zero: float
    changed: float | None

    @property
    def flags(self) -> list[Flag]:
        """What is wrong with the gradients, raised or not."""
        return [_zero_flag(self.zero), _changed_flag(self.changed)]


def pilot(draws: Draws, gradients: Subject, rows: Tensor, least: int, most: int) -> Pilot:
    """Choose the number of draws.

    Args:
        draws: of the model.
        gradients: the same examples and model, with the gradient that the attack follows.
        rows: int64 (n,), the examples that are attacked, of which the first are tried.
        least: the least number that may be chosen.
        most: the largest number.
    """
    some = rows[: min(EXAMPLES, gradients.batch_size)]
    if not len(some):
        return Pilot(1, {}, 0.0, None)
    choices = [each for each in CHOICES if each <= most] if draws.randomness.random else [1]
    with generators_restored(some.device):
        halves = [_averages(draws, gradients, some, choices, half) for half in range(2)]
        changed = _change(draws, gradients, some) if draws.randomness.controlled else None
    cosines = {
        count: float(cosine_similarity(one.flatten(1), two.flatten(1), eps=1e-30).median())
        for count, one, two in zip(choices, *halves, strict=True)
    }
    allowed = [count for count in choices if count >= least] or choices
    chosen = next((count for count in allowed if cosines[count] > MIN_COSINE), allowed[-1])
    zero = (halves[0][-1] == 0).flatten(1).all(1)
    return Pilot(chosen, cosines, float(zero.double().mean()), changed)


def _averages(
    draws: Draws, gradients: Subject, rows: Tensor, choices: list[int], half: int
) -> list[Tensor]:
    """Mean gradients of the logit margin over the first draws, (n, C, H, W), one per number."""
    images, labels = gradients.images[rows], gradients.labels[rows]
    total = torch.zeros_like(images, dtype=torch.float64)
    found = []
    for draw in range(choices[-1]):
        draws.begin("pilot", half, draw)
        forward = DifferentiableForward(gradients, images)
        total += forward.gradient(lambda logits: margin(logits, labels))[1].double()
        if draw + 1 in choices:
            found.append(total / (draw + 1))
    return found


def _change(draws: Draws, gradients: Subject, rows: Tensor) -> float:
    """Largest difference of a logit with and without gradients, relative to the largest logit."""
    images = gradients.images[rows]
    draws.begin("pilot", "alike")
    with_gradients = DifferentiableForward(gradients, images).logits
    draws.begin("pilot", "alike")
    with torch.no_grad():
        without = gradients.forward(images)
    return largest_difference(with_gradients, without) / max(largest_logit(without), 1e-30)


def _zero_flag(share: float) -> Flag:
    return Flag(
        name="zero_gradients",
        title="Gradients are zero",
        raised=share > MAX_ZERO_SHARE,
        figure=share,
        saw=f"The gradient of the logit margin, averaged over draws, is exactly zero on "
        f"{share:.0%} of the examples tried. More than {MAX_ZERO_SHARE:.0%} raises the flag.",
        advice="Attacks that follow it make no progress, so robust accuracy is too high. "
        "Give the model a method surrogate(images) with a differentiable approximation (BPDA), and "
        "look for steps that are detached or run under torch.no_grad().",
    )


def _changed_flag(change: float | None) -> Flag:
    return Flag(
        name="differs_without_gradients",
        title="Model differs with and without gradients",
        raised=change is not None and change > MAX_REPEATED_CHANGE,
        figure=change,
        saw="Its draws cannot be repeated, so there was nothing to compare."
        if change is None
        else f"At the same draws, logits with and without gradients differ by up to {change:.3g} "
        f"of the largest logit. More than {MAX_REPEATED_CHANGE:g} raises the flag.",
        advice="The attack follows the gradient of another function than is scored. "
        "Look for torch.is_grad_enabled(), torch.no_grad() or .training in the model's forward.",
    )
