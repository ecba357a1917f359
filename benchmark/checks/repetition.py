"""Checks of whether the same image always has the same logits."""

from __future__ import annotations

import torch

from benchmark.randomness import (
    MAX_REPEATED_CHANGE,
    largest_difference,
    largest_logit,
    randomness_of,
)
from benchmark.results import Flag
from benchmark.subject import Subject
from models_zoo.prediction import predicted_classes

MAX_REGROUPED_CHANGE = 1e-2
"""Largest accepted change between different batches, where a GPU may choose another algorithm with
TensorFloat-32's rounding of 1e-3. Batch statistics change logits by a tenth and more."""

MIN_TIMES_REPEATED = 3.0
"""Smallest multiple of the change between two passes that raises a flag: random models differ
between batches too."""

MAX_IMAGES = 16
"""Number of images that are classified in two different batches."""


def random_outputs(subject: Subject) -> Flag:
    """Check the largest difference between the logits of two passes over the same images.

    A flag that is raised says how the numbers are drawn, see :mod:`benchmark.randomness.kind`.
    """
    first, second = subject.logits(subject.images), subject.logits(subject.images)
    apart, scale = largest_difference(first, second), largest_logit(first)
    changed = int((predicted_classes(first) != predicted_classes(second)).sum())
    raised = apart > MAX_REPEATED_CHANGE * scale
    drawn = randomness_of(subject).text if raised else "none"
    return Flag(
        name="random_outputs",
        title="Forward pass is random",
        raised=raised,
        figure=apart,
        saw=f"Two passes over the same {len(subject)} images differ by up to {apart:.3g} in a "
        f"logit, where the largest logit is {scale:.3g}; {changed} predictions changed. More than "
        f"{MAX_REPEATED_CHANGE:g} of the largest logit raises the flag."
        + ("" if drawn == "none" else f" The random numbers are {drawn}."),
        advice="An attack that succeeds once may not succeed again, so no outcome is a proof. Fix "
        "the randomness and say so, or average over it: attack and classify with the mean of many "
        "passes (EOT).",
    )


def train_mode(subject: Subject) -> Flag:
    """Check how many of the model's modules were in train mode when it was passed in."""
    modules = sum(1 for _ in subject.model.modules())
    count = subject.training_modules
    return Flag(
        name="train_mode",
        title="Model was in train mode",
        raised=count > 0,
        figure=float(count),
        saw=f"{count} of {modules} modules were in train mode when the model was passed in. All "
        "were put into eval mode, and every score is that of eval mode. Any raises the flag.",
        advice="Call model.eval() before passing the model in, and check that this is the "
        "intended model: dropout and batch norm work differently in train mode.",
    )


def batch_dependence(subject: Subject) -> Flag:
    """Check the largest change of an image's logits when it is classified in another batch.

    Some of the examples are classified once alone and once after the same number of noise images. A
    layer that computes statistics over the batch, as batch norm does in train mode, changes them.
    """
    some = subject.head(max(1, min(MAX_IMAGES, subject.batch_size // 2)))
    noise = torch.rand(some.images.shape, generator=subject.generator("checks", "company"))
    with torch.no_grad():
        by_itself, again = subject.forward(some.images), subject.forward(some.images)
        batch = torch.cat([noise.to(some.images), some.images])
        together = subject.forward(batch)[len(some) :]
    apart, repeated, scale = (
        largest_difference(by_itself, together),
        largest_difference(by_itself, again),
        largest_logit(by_itself),
    )
    return Flag(
        name="batch_dependence",
        title="Logits depend on the rest of the batch",
        raised=apart > max(MAX_REGROUPED_CHANGE * scale, MIN_TIMES_REPEATED * repeated),
        figure=apart,
        saw=f"The logits of {len(some)} images change by up to {apart:.3g} when other images share "
        f"their batch, where the largest logit is {scale:.3g}. More than "
        f"{MAX_REGROUPED_CHANGE:g} of the largest logit raises the flag.",
        advice="A layer behaves as in train mode although the model is in eval mode: look for "
        "batch norm without running statistics. Scores depend on the batch size and the order of "
        "the examples until it is fixed.",
    )
