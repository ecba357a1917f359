"""Descents to the decision boundary with a radius per example, for minimal distances.

An ascent in a ball whose radius follows the boundary, from the image or from outside:

    x   <- project(x + a_k s)                  s the steepest step of length r
    r   <- min((1 - c_k) r, shortest so far)   where x is misclassified
    r   <- (1 + c_k) r                         where it is not, but some image before it was
    r   <- max(|x - x_clean| + |margin| / |gradient|_dual, (1 + c_k) r)    where none was

with the projection onto the ball of radius ``r`` and the box. ``a_k`` and ``c_k`` decrease along
half a cosine. The shortest displacement that crosses the boundary is kept. A descent that begins
with a radius beyond the nearest image so far comes from outside: it crosses the boundary, then the
radius shrinks.

Sources: FMN, Pintor et al. 2021, "Fast minimum-norm adversarial attacks through adaptive norm
    constraints"; DDN, Rony et al. 2019, "Decoupling direction and norm for efficient
    gradient-based L2 adversarial attacks and defenses" (for l2, with cross-entropy); larger balls
    first, Croce & Hein 2021. FMN takes steps along the gradient, of a length in input units, and
    begins at the image or at a given image. Here a step is the steepest one of the norm, in radii,
    or a :class:`PowerStep`.

Hyper-parameters: those of :class:`Descent` and the constants below.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Generator, Tensor

from benchmark.attacks.inputs.state import temperatures
from benchmark.attacks.verification import margins
from benchmark.image_gradients import image_gradient
from benchmark.objectives import TARGETED_OBJECTIVES, cross_entropy, margin
from benchmark.spaces import IMAGES, InputBall
from benchmark.spaces.inputs import DUALS, L1_FIRST_SHARE, MIN_LENGTH, lengths
from benchmark.subject import Subject

LAST_STEP = 0.02
"""Length of the last step, in radii, as a share of the first."""

MAX_CHANGE, TOTAL_CHANGE, LAST_CHANGE = 0.3, 8.0, 0.002
"""Relative change of the radius: in the first step, at most and as this many over the number of
steps, and in the last step. FMN has 0.05 in the first of 100 steps or more; from several times the
distance, the radius has to change faster."""

MIN_RELATIVE_MARGIN = 1e-5
"""Smallest margin, as a share of the largest logit, of an image that counts as misclassified, so
that it is misclassified in batches of other sizes too."""

MAX_RATIO = 1e3
"""Largest ratio of a logit to the two largest ones up to which it counts for that share."""


@dataclass(frozen=True)
class PowerStep:
    """A step along ``sign(g) |g|^power``, with ``g`` the gradient inside the box.

    An l1 ball of this radius reaches only a few pixels as far as the box allows, and the projection
    onto it keeps the pixels that moved the most; a larger power moves fewer. The steepest step
    along signs of the largest coordinates spends itself on one pixel in a hundred, which for images
    of 3072 values is more than needed.

    For linf nearly every coordinate of the nearest image is at a corner of the ball. Where linear
    pieces of the network alternate along the boundary, a sign step counts each of them alike, so
    coordinates that they disagree on go back and forth; a power above 0 counts the steeper more.

    Attributes:
        power: of the gradient's coordinates.
        length: l2 length of the first step; for l1 in l2 lengths of the displacement so far, for
            linf in that of a displacement to a corner of the ball.
        of_radius: for l1, whether ``length`` is in l1 radii instead.
    """

    power: float
    length: float
    of_radius: bool = False


SQUARES = PowerStep(power=2, length=1.5)
"""On a small CNN for CIFAR-10, 25 such steps from the image came within 1% of the best of adv-lib
on 37% (length 1) and 55% (length 2) of the examples; steps along the largest coordinates on 3%."""


@dataclass(frozen=True)
class Descent:
    """One descent per example.

    Attributes:
        steps: number of steps.
        outside: the first radius, in distances of the nearest image so far.
        target: rank of the target class, the most promising first; ``None`` for the margin to the
            strongest other class.
        objective: ``"margin"``, ``"cross-entropy"`` (without a target) or ``"DLR"`` (with one).
        first_step: length of the first step, in radii.
        start: where to begin: ``"image"``, ``"nearest"`` for the nearest image so far, or at the
            first radius ``"random"`` for a random direction and ``"inverse"`` for that of the
            inverted image.
        l1_step: for l1; ``None`` for the steepest step.
        linf_step: for linf; ``None`` for the steepest step, which that for l2 always is.
    """

    steps: int
    outside: float = 1.0
    target: int | None = None
    objective: str = "margin"
    first_step: float = 1.0
    start: Literal["image", "nearest", "random", "inverse"] = "image"
    l1_step: PowerStep | None = SQUARES
    linf_step: PowerStep | None = None


def clearly_misclassified(logits: Tensor, labels: Tensor) -> Tensor:
    """Bool (N,): by more than rounding, see :data:`MIN_RELATIVE_MARGIN`."""
    size = logits.abs()
    top = logits.topk(2, dim=1).values.abs().amax(1, keepdim=True)
    # A constant such as -1e9 in place of a logit does not add to the rounding of the others.
    constant = (size > MAX_RATIO * top) & (top > 0) & size.isfinite()
    return margins(logits, labels) > MIN_RELATIVE_MARGIN * size.masked_fill(constant, 0.0).amax(1)


def descend(
    subject: Subject,
    norm: str,
    descent: Descent,
    start: Tensor,
    radii: Tensor,
    targets: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """The nearest misclassified images along one descent per example.

    Args:
        subject: model, clean images and labels; one batch.
        norm: ``"linf"``, ``"l2"`` or ``"l1"``.
        descent: how.
        start: images (n, C, H, W) to begin at.
        radii: (n,), the first radii; infinite where none is known.
        targets: int64 (n,), target classes; ``None`` for the strongest other class.

    Returns:
        Images (n, C, H, W) and the lengths of their displacements (n,), infinite where no
        misclassified image was found.
    """
    clean, labels, here = subject.images, subject.labels, start
    radius, found = radii.clone(), radii.isfinite()
    nearest, shortest = here, torch.full_like(radii, torch.inf)
    largest = lengths(torch.maximum(clean, 1 - clean), norm)
    objective = _objective(descent, subject, start, targets)
    first_change = min(MAX_CHANGE, TOTAL_CHANGE / descent.steps)
    for step in range(descent.steps):
        logits, value, gradient = image_gradient(subject, here, objective)
        length = lengths(here - clean, norm)
        crossed = clearly_misclassified(logits, labels)
        shorter = crossed & (length < shortest)
        nearest = torch.where(shorter.view(-1, 1, 1, 1), here, nearest)
        shortest = torch.where(shorter, length, shortest)
        found = found | crossed
        share = (1 + math.cos(math.pi * step / descent.steps)) / 2
        change = LAST_CHANGE + (first_change - LAST_CHANGE) * share
        linear = value.abs() / lengths(gradient, DUALS[norm]).clamp_min(MIN_LENGTH)
        grown = torch.where(radius.isfinite(), (1 + change) * radius, 0.0)
        first = torch.maximum(length + linear.nan_to_num(torch.inf), grown)
        radius = torch.where(
            crossed,
            torch.minimum((1 - change) * radius, shortest),
            torch.where(found, grown, first),
        )
        radius = torch.minimum(radius, largest)
        ball = InputBall(clean, norm, radius)
        size = LAST_STEP + (1 - LAST_STEP) * share
        here = ball.nearest(here + size * _first_step(descent, ball, gradient, here))
    length = lengths(here - clean, norm)
    shorter = clearly_misclassified(subject.logits(here), labels) & (length < shortest)
    nearest = torch.where(shorter.view(-1, 1, 1, 1), here, nearest)
    return nearest, torch.where(shorter, length, shortest)


def start_of(
    descent: Descent,
    clean: Tensor,
    nearest: Tensor,
    norm: str,
    radii: Tensor,
    generator: Generator,
) -> Tensor:
    """Where a descent begins, (n, C, H, W).

    Args:
        descent: whose ``start`` says where.
        clean: the images (n, C, H, W).
        nearest: the nearest misclassified images so far, in the same shape.
        norm: ``"linf"``, ``"l2"`` or ``"l1"``.
        radii: (n,), distances of random and inverse starts.
        generator: of a random direction.
    """
    if descent.start == "inverse":
        return inverse_start(clean, norm, radii)
    if descent.start == "random":
        return random_start(clean, norm, radii, generator)
    return nearest if descent.start == "nearest" else clean


def inverse_start(clean: Tensor, norm: str, radii: Tensor) -> Tensor:
    """The point (N, C, H, W) at some distance (N,) of each image towards the inverted image.

    Of 37 and 43 images of MNIST in l2 balls of 1.5 that no ascent from inside broke for two CNNs
    trained against linf attacks, a descent from there at six radii broke 10 and 11, descents from
    eight random directions 12 and 11 together, and 3 to 9 each.
    """
    inverted = 1 - 2 * clean
    share = (radii / lengths(inverted, norm).clamp_min(MIN_LENGTH)).view(-1, 1, 1, 1)
    return InputBall(clean, norm, radii).nearest(clean + inverted * share)


def random_start(clean: Tensor, norm: str, radii: Tensor, generator: Generator) -> Tensor:
    """A point (N, C, H, W) at some distance (N,) of each image, in the same direction for all.

    So the start of an example does not depend on its place among the others. The direction is
    uniform in the cube for linf and normal for l2 and l1.
    """
    shape = clean.shape[1:]
    noise = (
        2 * torch.rand(shape, generator=generator) - 1
        if norm == "linf"
        else torch.randn(shape, generator=generator)
    ).to(clean)[None]
    ball = InputBall(clean, norm, radii)
    return ball.nearest(clean + noise * (radii / lengths(noise, norm)).view(-1, 1, 1, 1))


def _objective(
    descent: Descent, subject: Subject, start: Tensor, targets: Tensor | None
) -> Callable[[Tensor], Tensor]:
    """The objective of a descent, from logits (n, K) to (n,)."""
    labels = subject.labels
    if targets is not None:
        towards = TARGETED_OBJECTIVES[descent.objective]
        return lambda logits: towards(logits, labels, targets)
    if descent.objective == "margin":
        return lambda logits: margin(logits, labels)
    # A temperature bounds the first margin, beyond which the gradient would vanish.
    first = margins(subject.logits(start), labels)
    temperature = temperatures(first).nan_to_num(1.0, 1.0)
    return lambda logits: cross_entropy(logits, labels, temperature)


def _first_step(descent: Descent, ball: InputBall, gradient: Tensor, here: Tensor) -> Tensor:
    """A step (n, C, H, W) of the length of the first."""
    along = {"l1": descent.l1_step, "linf": descent.linf_step}.get(ball.norm)
    if along is None:
        return descent.first_step * ball.steepest({IMAGES: gradient}, {IMAGES: here})[IMAGES]
    blocked = torch.where(gradient > 0, here >= 1, here <= 0)
    inside = gradient.masked_fill(blocked, 0.0)
    largest = inside.abs().flatten(1).amax(1).clamp_min(MIN_LENGTH).view(-1, 1, 1, 1)
    direction = inside.sign() * (inside / largest).abs().pow(along.power)
    count = gradient[0].numel()
    if ball.norm == "linf":
        unit = ball.radii * count**0.5
    elif along.of_radius:
        unit = ball.radii
    else:
        # At the image itself the displacement is that of a step along the largest coordinates.
        least = ball.radii / max(L1_FIRST_SHARE * count, 1) ** 0.5
        unit = torch.maximum(lengths(here - ball.images, "l2"), least)
    length: Tensor = along.length * unit
    return direction * (length / lengths(direction, "l2").clamp_min(MIN_LENGTH)).view(-1, 1, 1, 1)
