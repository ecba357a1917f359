"""Does the gradient reach anything? Vanishing gradients and a saturated cross-entropy.

After Athalye, Carlini & Wagner 2018 ("Obfuscated gradients give a false sense of security") and the
checks in the code of Croce & Hein 2020, which look at the cross-entropy alone and so flag every
confident model. The limits were set from the figures in ``docs/probes/checks.md``.
"""

from __future__ import annotations

import torch
from torch import Tensor

from benchmark.checks.duel import along_gradient
from benchmark.checks.slopes import first_order_distance, input_gradients
from benchmark.objectives import cross_entropy, margin
from benchmark.results import Flag
from benchmark.subject import Subject

BOX = 1.0
"""The longest linf displacement inside [0, 1]: what lies further by its gradient is out of reach
for every attack that believes the gradient."""

STEPS = 10
"""Gradient steps that an example out of reach by its gradient is given to fall in the whole box."""

FEW = 0.05
"""Share of examples above which dead gradients are a flag; honest models have none."""

_NOTHING = "No example was classified correctly, so there was nothing to measure."


def vanishing_gradients(subject: Subject) -> Flag:
    """Share of correct examples that gradients cannot break even where any image may be shown.

    An example counts when its first-order linf distance to the decision boundary,
    ``abs(margin) / norm_1(gradient)``, is more than :data:`BOX`, and sign-gradient steps through
    the whole box leave it standing as well. A model that is merely confident has a small
    cross-entropy gradient but a large margin gradient; one that is flat around an image, as after
    training with TRADES, falls on the way. Neither is flagged.
    """
    right, gap, slope, _ = _at_images(subject)
    far = (first_order_distance(gap, slope) > BOX).nonzero().squeeze(1)
    held = [~along_gradient(right.take(rows), BOX, STEPS) for rows in _parts(right, far)]
    stuck = int(torch.cat(held).sum()) if held else 0
    zero = int((slope == 0).flatten(1).all(1).sum())
    share = stuck / len(gap) if len(gap) else None
    return Flag(
        name="vanishing_gradients",
        title="Gradients vanish",
        raised=share is not None and share > FEW,
        figure=share,
        saw=_NOTHING
        if share is None
        else f"{len(far)} of {len(gap)} correctly classified examples lie, by the gradient of "
        f"their logit margin, further from the decision boundary than any image does, and {stuck} "
        f"of them stand {STEPS} steps along it through the whole of [0, 1]; {zero} have a gradient "
        f"of exactly zero. More than {FEW:.0%} that stand raise the flag.",
        advice="Attacks that follow gradients stand still here, so robust accuracy is too high. "
        "Attack a differentiable stand-in of the step that kills the gradient (BPDA), or without "
        "gradients.",
    )


def saturated_loss(subject: Subject) -> Flag:
    """Share of correct examples whose cross-entropy has no gradient although their margin has one.

    In float32 that needs a lead of about 100 logits, which no temperature in use gives.
    """
    _, _, slope, loss_slope = _at_images(subject)
    alive = (slope != 0).flatten(1).any(1)
    dead = alive & (loss_slope == 0).flatten(1).all(1)
    share = float(dead.double().mean()) if len(dead) else None
    return Flag(
        name="saturated_loss",
        title="Cross-entropy is saturated",
        raised=share is not None and share > FEW,
        figure=share,
        saw=_NOTHING
        if share is None
        else f"For {int(dead.sum())} of {len(dead)} correctly classified examples the gradient of "
        f"the cross-entropy is exactly zero while that of the logit margin is not. More than "
        f"{FEW:.0%} raises the flag.",
        advice="The logits are scaled so far up that attacks on the cross-entropy stand still. "
        "Trust attacks on margins only, or divide the logits by a constant: it changes no "
        "prediction.",
    )


def _parts(subject: Subject, rows: Tensor) -> tuple[Tensor, ...]:
    return torch.split(rows, subject.batch_size) if len(rows) else ()


def _at_images(subject: Subject) -> tuple[Subject, Tensor, Tensor, Tensor]:
    """The correct examples with their margins, and the gradients of these and of their losses."""

    def measure() -> tuple[Subject, Tensor, Tensor, Tensor]:
        finite = subject.logits().isfinite().all(1)
        right = subject.take((subject.correct() & finite).nonzero().squeeze(1))
        (gap, slope), (_, loss_slope) = input_gradients(
            right,
            right.images,
            lambda logits, rows: margin(logits, right.labels[rows]),
            lambda logits, rows: cross_entropy(logits, right.labels[rows]),
        )
        return right, gap, slope, loss_slope

    return subject.once(("checks", "gradients"), measure)
