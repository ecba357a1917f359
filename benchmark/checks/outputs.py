"""Checks of whether the model returns finite logits."""

from __future__ import annotations

import torch

from benchmark.results import Flag
from benchmark.subject import Subject

MAX_NORMALIZED_SHARE = 0.9
"""Share of normalized rows above which outputs do not count as logits; logits have practically
none."""

ROW_SUM_TOLERANCE = 1e-4
"""Largest deviation of a row's sum from 1, or of its log-sum-exp from 0."""

N_RANDOM_IMAGES = 16
"""Number of random images, and of corners of the box, whose outputs are tested."""


def not_logits(subject: Subject) -> Flag:
    """Check the share of rows that are probabilities, or log-probabilities, whichever is larger."""
    outputs = subject.logits()
    rows = outputs[outputs.isfinite().all(1)].double()
    inside = ((rows >= 0) & (rows <= 1)).all(1)
    probabilities = inside & ((rows.sum(1) - 1).abs() < ROW_SUM_TOLERANCE)
    logs = (rows <= ROW_SUM_TOLERANCE).all(1) & (rows.logsumexp(1).abs() < ROW_SUM_TOLERANCE)
    shares = {
        name: float(found.double().mean()) if len(rows) else 0.0
        for name, found in (("probabilities", probabilities), ("log-probabilities", logs))
    }
    name = max(shares, key=lambda kind: shares[kind])
    share = shares[name] if len(rows) else None
    return Flag(
        name="not_logits",
        title="Outputs are not logits",
        raised=share is not None and share > MAX_NORMALIZED_SHARE,
        figure=share,
        saw="No output was finite, so there was nothing to measure."
        if share is None
        else f"{share:.0%} of {len(rows)} outputs are {name}: in range and normalized to within "
        f"{ROW_SUM_TOLERANCE:g}. More than {MAX_NORMALIZED_SHARE:.0%} raises the flag.",
        advice="Pass the model without its last softmax. Probabilities round to 0 and 1 where "
        "the model is confident, and gradients vanish with them; log-probabilities keep them, but "
        "the scale of the logits is lost to probes that read it.",
    )


def non_finite_outputs(subject: Subject, eps: float = 0.0) -> Flag:
    """Check the share of images with an infinite or undefined output.

    Args:
        subject: model and examples.
        eps: linf radius around the examples within which random images are also tested.
    """
    some = min(N_RANDOM_IMAGES, len(subject))
    shape = (some, *subject.images.shape[1:])
    generator = subject.generator("checks", "box")
    random = torch.rand(shape, generator=generator)
    corners = torch.randint(0, 2, shape, generator=generator).float()
    corners[0], corners[-1] = 0.0, 1.0
    noise = 2 * torch.rand(subject.images.shape, generator=generator).to(subject.images) - 1
    near = (subject.images + eps * noise).clamp(0, 1)
    broken = {
        "of the examples": ~subject.logits().isfinite().all(1),
        "of them under noise": ~subject.logits(near).isfinite().all(1),
        "random images": ~subject.logits(random.to(subject.images)).isfinite().all(1),
        "corners of the box": ~subject.logits(corners.to(subject.images)).isfinite().all(1),
    }
    figure = float(torch.cat(list(broken.values())).double().mean())
    counts = ", ".join(f"{int(each.sum())} of {len(each)} {name}" for name, each in broken.items())
    return Flag(
        name="non_finite_outputs",
        title="Outputs are not finite",
        raised=figure > 0,
        figure=figure,
        saw=f"Infinite or undefined outputs: {counts.replace('of the examples', 'examples')}. Any "
        "raises the flag.",
        advice="Find where the model divides by zero or overflows. An image whose output is "
        "undefined has no class, so every score that counts it is meaningless.",
    )
