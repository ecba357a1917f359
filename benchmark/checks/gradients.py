"""Checks for vanishing gradients and for a saturated cross-entropy.

After Athalye, Carlini & Wagner 2018 ("Obfuscated gradients give a false sense of security") and the
checks in the code of Croce & Hein 2020, which use the cross-entropy alone and therefore flag every
confident model. The limits were set from the figures in ``docs/probes/checks.md``.
"""

from __future__ import annotations

import torch
from torch import Tensor

from benchmark.checks.gradient_versus_random_search import broken_along_gradient
from benchmark.checks.input_gradients import first_order_distance, input_gradients
from benchmark.objectives import cross_entropy, margin
from benchmark.results import Flag
from benchmark.subject import Subject

MAX_LINF_DISTANCE = 1.0
"""Longest linf displacement inside [0, 1]: examples further from the decision boundary by their
gradient are out of reach for attacks that follow it."""

N_STEPS = 10
"""Gradient steps through the whole box on examples out of reach by their gradient."""

MAX_SHARE = 0.05
"""Share of examples above which a flag is raised; models without masking have none."""

_NO_EXAMPLES = "No example was classified correctly, so there was nothing to measure."


def vanishing_gradients(subject: Subject) -> Flag:
    """Check the share of correct examples that gradient steps cannot break even in the whole box.

    An example counts when its first-order linf distance to the decision boundary,
    ``abs(margin) / norm_1(gradient)``, is more than :data:`MAX_LINF_DISTANCE`, and sign-gradient
    steps through the whole box do not break it either. A model that is merely confident has a small
    cross-entropy gradient but a large margin gradient; one that is flat around an image, as after
    training with TRADES, is broken on the way. Neither is flagged.
    """
    correct, gap, gradient, _ = _at_images(subject)
    far = (first_order_distance(gap, gradient) > MAX_LINF_DISTANCE).nonzero().squeeze(1)
    kept = [
        ~broken_along_gradient(correct.take(rows), MAX_LINF_DISTANCE, N_STEPS)
        for rows in _parts(correct, far)
    ]
    stuck = int(torch.cat(kept).sum()) if kept else 0
    zero = int((gradient == 0).flatten(1).all(1).sum())
    share = stuck / len(gap) if len(gap) else None
    return Flag(
        name="vanishing_gradients",
        title="Gradients vanish",
        raised=share is not None and share > MAX_SHARE,
        figure=share,
        saw=_NO_EXAMPLES
        if share is None
        else f"{len(far)} of {len(gap)} correctly classified examples lie, by the gradient of "
        f"their logit margin, further from the decision boundary than any image does, and {stuck} "
        f"of them are not broken by {N_STEPS} steps along it through the whole of [0, 1]; "
        f"{zero} have a gradient of exactly zero. More than {MAX_SHARE:.0%} that are not "
        "broken raise the flag.",
        advice="Attacks that follow gradients make no progress here, so robust accuracy is too "
        "high. Attack a differentiable approximation of the step that kills the gradient (BPDA), "
        "or without gradients.",
    )


def saturated_loss(subject: Subject) -> Flag:
    """Check the share of correct examples whose cross-entropy alone has no gradient.

    In float32 that needs a margin of about 100, which no usual temperature gives.
    """
    _, _, gradient, loss_gradient = _at_images(subject)
    has_gradient = (gradient != 0).flatten(1).any(1)
    saturated = has_gradient & (loss_gradient == 0).flatten(1).all(1)
    share = float(saturated.double().mean()) if len(saturated) else None
    return Flag(
        name="saturated_loss",
        title="Cross-entropy is saturated",
        raised=share is not None and share > MAX_SHARE,
        figure=share,
        saw=_NO_EXAMPLES
        if share is None
        else f"For {int(saturated.sum())} of {len(saturated)} correctly classified examples the "
        f"gradient of the cross-entropy is exactly zero while that of the logit margin is not. "
        f"More than {MAX_SHARE:.0%} raises the flag.",
        advice="The logits are scaled so far up that attacks on the cross-entropy make no "
        "progress. Rely on attacks on margins only, or divide the logits by a constant, which "
        "changes no prediction.",
    )


def _parts(subject: Subject, rows: Tensor) -> tuple[Tensor, ...]:
    return torch.split(rows, subject.batch_size) if len(rows) else ()


def _at_images(subject: Subject) -> tuple[Subject, Tensor, Tensor, Tensor]:
    """The correct examples with their margins, and the gradients of these and of their losses."""

    def measure() -> tuple[Subject, Tensor, Tensor, Tensor]:
        finite = subject.logits().isfinite().all(1)
        correct = subject.take((subject.correct() & finite).nonzero().squeeze(1))
        (gap, gradient), (_, loss_gradient) = input_gradients(
            correct,
            correct.images,
            lambda logits, rows: margin(logits, correct.labels[rows]),
            lambda logits, rows: cross_entropy(logits, correct.labels[rows]),
        )
        return correct, gap, gradient, loss_gradient

    return subject.once(("checks", "gradients"), measure)
