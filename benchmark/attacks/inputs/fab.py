"""FAB: a walk along the decision boundary towards the image.

At each step the margin to the strongest other class is linearized. The nearest points of its zero
plane inside the box, seen from the current point and from the image, are mixed; a point across the
boundary is pulled back towards the image:

    x <- (1 - w) (x + eta to_plane(x)) + w (x_clean + eta to_plane(x_clean)),
    w = min(|to_plane(x)| / (|to_plane(x)| + |to_plane(x_clean)|), alpha_max)
    x <- x_clean + beta (x - x_clean)                                      across the boundary

The smallest displacement that crosses the boundary is kept, so one walk serves every budget.

Source: Croce & Hein 2020, "Minimally distorted adversarial examples with a fast adaptive boundary
    attack". The authors linearize every class and restart walks.

Hyper-parameters: number of steps, eta, alpha_max and beta.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from benchmark.attacks.inputs.search import Candidates, CostlySearch
from benchmark.attacks.inputs.state import AttackState
from benchmark.image_gradients import image_gradient
from benchmark.objectives import margin
from benchmark.spaces.inputs import MIN_LENGTH, lengths
from benchmark.subject import Subject
from models_zoo.prediction import predicted_classes

ETA, ALPHA_MAX, BETA = 1.05, 0.1, 0.9
"""FAB's hyper-parameters: overshoot, largest weight of the image, factor on the displacement."""

N_BISECTIONS = 25
"""Number of bisections of the length of a displacement onto a plane."""


@dataclass(frozen=True)
class FAB(CostlySearch):
    """A walk along the boundary, from the image with the largest margin so far.

    Attributes:
        steps: of the walk.
    """

    steps: int

    @property
    def name(self) -> str:
        """Steps."""
        return f"FAB, {self.steps} steps"

    def find(self, batch: AttackState) -> Candidates:
        """The misclassified image nearest to the clean one, whether inside the ball or not."""
        return Candidates(walk(batch.subject, batch.ball.norm, batch.nearest, self.steps))


def walk(subject: Subject, norm: str, start: Tensor, steps: int) -> Tensor:
    """The smallest displacements found that change the class.

    Args:
        subject: model, clean images and labels; one batch.
        norm: of the displacements.
        start: images (n, C, H, W) to start from.
        steps: of the walk.

    Returns:
        Images (n, C, H, W): the nearest misclassified ones, or else where the walk ended.
    """
    clean, labels, here = subject.images, subject.labels, start
    nearest, shortest = start.clone(), torch.full((len(start),), torch.inf, device=start.device)
    for _ in range(steps):
        logits, value, gradient = image_gradient(subject, here, partial(margin, labels=labels))
        crossed = predicted_classes(logits) != labels
        length = lengths(here - clean, norm)
        shorter = crossed & (length < shortest)
        nearest[shorter], shortest[shorter] = here[shorter], length[shorter]
        pulled_back = clean + BETA * (here - clean)
        offset = value - (gradient * here).flatten(1).sum(1)
        to_here = to_plane(here, gradient, offset, norm)
        to_clean = to_plane(clean, gradient, offset, norm)
        from_here, from_clean = lengths(to_here, norm), lengths(to_clean, norm)
        weight = (from_here / (from_here + from_clean).clamp_min(MIN_LENGTH)).clamp(0, ALPHA_MAX)
        weight = weight.view(-1, 1, 1, 1)
        mixed = (1 - weight) * (here + ETA * to_here) + weight * (clean + ETA * to_clean)
        here = torch.where(crossed.view(-1, 1, 1, 1), pulled_back, mixed.clamp(0, 1))
    found = shortest < torch.inf
    return torch.where(found.view(-1, 1, 1, 1), nearest, here)


def to_plane(points: Tensor, gradient: Tensor, offset: Tensor, norm: str) -> Tensor:
    """Shortest displacements inside the box onto the planes ``gradient . x + offset = 0``.

    The shortest displacement moves every coordinate along the sign of the gradient (linf), or in
    proportion to it (l2), as far as the box allows; for l1 the largest coordinates first. The
    length is found by bisection. A plane out of reach is approached as far as the box allows.

    Args:
        points: (n, C, H, W) in the box.
        gradient: (n, C, H, W).
        offset: (n,).
        norm: ``"linf"``, ``"l2"`` or ``"l1"``.
    """
    need = -((gradient * points).flatten(1).sum(1) + offset)
    toward = torch.where(need > 0, 1.0, -1.0).view(-1, 1, 1, 1) * gradient
    size = toward.abs().flatten(1).amax(1).view(-1, 1, 1, 1)
    unit = toward / torch.where(size > 0, size, 1.0)

    def at(share: Tensor) -> Tensor:
        scale = share.view(-1, 1, 1, 1)
        if norm == "linf":
            moved = scale * unit.sign()
        elif norm == "l2":
            moved = torch.tan(scale * (torch.pi / 2)) * unit
        else:
            moved = torch.where(unit.abs() >= 1 - scale, unit.sign(), 0.0)
        return (points + moved).clamp(0, 1) - points

    low, high = torch.zeros_like(need), torch.full_like(need, 1 - 1e-6)
    for _ in range(N_BISECTIONS):
        middle = (low + high) / 2
        enough = (gradient * at(middle)).flatten(1).sum(1).abs() >= need.abs()
        low, high = torch.where(enough, low, middle), torch.where(enough, middle, high)
    return at(high)
