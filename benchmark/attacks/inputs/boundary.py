"""The boundary method: walk along the decision boundary towards the image.

Source: FAB, Croce & Hein 2020 ("Minimally distorted adversarial examples with a fast adaptive
boundary attack"). At each step the margin of the best other class is taken as linear; the nearest
points of its zero plane inside the box, seen from the current point and from the image, are mixed,
and where the boundary was crossed the point is drawn back towards the image. The smallest
displacement that crosses is the answer, so one walk serves every budget.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from benchmark.attacks.inputs.field import Field
from benchmark.attacks.inputs.search import Search
from benchmark.objectives import margin
from benchmark.spaces.inputs import TINY, lengths
from benchmark.subject import Subject
from models_zoo.prediction import predicted_classes

OVERSTEP, MOST_OF_IMAGE, DRAW_BACK = 1.05, 0.1, 0.9
"""FAB's eta, alpha_max and beta."""

HALVINGS = 25


@dataclass(frozen=True)
class Boundary(Search):
    """A walk along the boundary, from the nearest point found so far.

    Attributes:
        steps: of the walk.
        above: asks only examples whose margin is closed by at least this share.
        share: and at most this share of all, see :meth:`Field.near`.
    """

    steps: int
    above: float = 0.0
    share: float = 1.0

    @property
    def name(self) -> str:
        """Steps."""
        return f"boundary, {self.steps} steps"

    def wants(self, field: Field) -> Tensor:
        """Examples that came near enough."""
        return field.near(self.above, self.share)

    def find(self, field: Field) -> Tensor:
        """The misclassified image nearest to the clean one, wherever it lies."""
        return walk(field.subject, field.ball.norm, field.nearest, self.steps)


def walk(subject: Subject, norm: str, start: Tensor, steps: int) -> Tensor:
    """The smallest displacements found that change the class.

    Args:
        subject: model, clean images and labels; one batch.
        norm: of the displacements.
        start: images (n, C, H, W) to walk from.
        steps: of the walk.

    Returns:
        Images (n, C, H, W): the nearest misclassified ones met, else where the walk ended.
    """
    clean, labels, here = subject.images, subject.labels, start
    nearest, shortest = start.clone(), torch.full((len(start),), torch.inf, device=start.device)
    for _ in range(steps):
        here = here.detach().requires_grad_(True)
        with torch.enable_grad():
            logits = subject.forward(here)
            rise = margin(logits, labels)
        (slope,) = subject.gradients(rise.sum(), [here], len(here))
        here, rise = here.detach(), rise.detach()
        crossed = predicted_classes(logits.detach()) != labels
        length = lengths(here - clean, norm)
        shorter = crossed & (length < shortest)
        nearest[shorter], shortest[shorter] = here[shorter], length[shorter]
        drawn = clean + DRAW_BACK * (here - clean)
        offset = rise - (slope * here).flatten(1).sum(1)
        to_here = to_plane(here, slope, offset, norm)
        to_clean = to_plane(clean, slope, offset, norm)
        from_here, from_clean = lengths(to_here, norm), lengths(to_clean, norm)
        weight = (from_here / (from_here + from_clean).clamp_min(TINY)).clamp(0, MOST_OF_IMAGE)
        weight = weight.view(-1, 1, 1, 1)
        mixed = (1 - weight) * (here + OVERSTEP * to_here) + weight * (clean + OVERSTEP * to_clean)
        here = torch.where(crossed.view(-1, 1, 1, 1), drawn, mixed.clamp(0, 1))
    found = shortest < torch.inf
    return torch.where(found.view(-1, 1, 1, 1), nearest, here)


def to_plane(points: Tensor, slope: Tensor, offset: Tensor, norm: str) -> Tensor:
    """Shortest displacements inside the box onto the planes ``slope . x + offset = 0``.

    The shortest displacement moves every coordinate along the sign (linf), or in proportion (l2),
    of the slope as far as the box lets it; for l1 the steepest coordinates first. How far is found
    by bisection; a plane out of reach is approached as far as the box goes.

    Args:
        points: (n, C, H, W) in the box.
        slope: (n, C, H, W).
        offset: (n,).
        norm: ``"linf"``, ``"l2"`` or ``"l1"``.
    """
    need = -((slope * points).flatten(1).sum(1) + offset)
    toward = torch.where(need > 0, 1.0, -1.0).view(-1, 1, 1, 1) * slope
    size = toward.abs().flatten(1).amax(1).view(-1, 1, 1, 1)
    unit = toward / torch.where(size > 0, size, 1.0)

    def at(far: Tensor) -> Tensor:
        scale = far.view(-1, 1, 1, 1)
        if norm == "linf":
            moved = scale * unit.sign()
        elif norm == "l2":
            moved = torch.tan(scale * (torch.pi / 2)) * unit
        else:
            moved = torch.where(unit.abs() >= 1 - scale, unit.sign(), 0.0)
        return (points + moved).clamp(0, 1) - points

    low, high = torch.zeros_like(need), torch.full_like(need, 1 - 1e-6)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        enough = (slope * at(middle)).flatten(1).sum(1).abs() >= need.abs()
        low, high = torch.where(enough, low, middle), torch.where(enough, middle, high)
    return at(high)
