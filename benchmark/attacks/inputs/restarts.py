"""Several ascents per example, run side by side."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from benchmark.ascent import AscentResult
from benchmark.attacks.inputs.state import AttackState
from benchmark.memory import in_batches
from benchmark.spaces import IMAGES, Point


@dataclass
class Restarts:
    """What the restarts of an attack found.

    All restarts of an example run to the end, even if one has broken it, so that the outcome does
    not depend on how restarts are batched.

    Attributes:
        rows: int64 (restarts,), the example of each restart.
        points: (restarts, C, H, W), where it was broken, or its best point.
        values: (restarts,), the objective there.
        broken: bool (restarts,).
    """

    rows: Tensor
    points: Tensor
    values: Tensor
    broken: Tensor

    def best(self, default: Tensor) -> Tensor:
        """Per example the first broken restart, or else the one with the largest objective.

        Args:
            default: (n, C, H, W), the images of examples without restarts.
        """
        images = default.clone()
        rank = torch.where(self.broken, torch.inf, self.values)
        keep_largest(images, self.points, rank, self.rows)
        return images


def keep_largest(found: Tensor, images: Tensor, values: Tensor, examples: Tensor) -> None:
    """Write the image of the largest value of each example, the first of several.

    Args:
        found: (n, C, H, W), changed in place.
        images: (m, C, H, W).
        values: (m,); images of minus infinity are not written.
        examples: int64 (m,), the example of each image.
    """
    order = values.argsort(descending=True, stable=True)
    order = order[values[order] > -torch.inf]
    order = order[examples[order].argsort(stable=True)]
    rows = examples[order]
    first = torch.ones_like(rows, dtype=torch.bool)
    first[1:] = rows[1:] != rows[:-1]
    found[rows[first]] = images[order[first]]


def survivors(found: Restarts, keep: int) -> Tensor:
    """Indices of the best restarts of each example that none of its restarts has broken.

    Args:
        found: the restarts.
        keep: largest number per example, those of the largest objective, the first of equal ones.

    Returns:
        int64 (kept,), ordered by example, the best first.
    """
    finished = torch.isin(found.rows, found.rows[found.broken])
    left = (~finished).nonzero().squeeze(1)
    order = left[found.values[left].nan_to_num(-torch.inf).argsort(descending=True, stable=True)]
    order = order[found.rows[order].argsort(stable=True)]
    counts = torch.unique_consecutive(found.rows[order], return_counts=True)[1]
    firsts = (counts.cumsum(0) - counts).repeat_interleave(counts)
    return order[torch.arange(len(order), device=order.device) - firsts < keep]


def run_restarts(
    state: AttackState, rows: Tensor, ascend: Callable[[AttackState, Tensor], AscentResult]
) -> Restarts:
    """Run one ascent per restart, as many at a time as fit into memory.

    Args:
        state: the examples.
        rows: int64 (restarts,), the example of each restart.
        ascend: called with the examples of some restarts, one per restart, and the indices of
            these restarts.
    """
    subject = state.subject
    found = Restarts(
        rows=rows,
        points=torch.empty_like(subject.images[rows]),
        values=torch.empty_like(state.margins[rows]),
        broken=torch.zeros_like(state.robust[rows]),
    )

    def work(part: Tensor) -> None:
        result = ascend(state.take(rows[part]), part)
        found.points[part] = result.point[IMAGES]
        found.values[part] = result.values.to(found.values)
        found.broken[part] = result.broken

    restarts = torch.arange(len(rows), device=rows.device)
    subject.batch_size = in_batches(restarts, subject.batch_size, work)
    return found


def run_from(
    state: AttackState,
    found: Restarts,
    kept: Tensor,
    ascend: Callable[[AttackState, Point, Tensor], AscentResult],
) -> Restarts:
    """Run one more ascent from each of some restarts' points.

    Args:
        state: the examples.
        found: the restarts.
        kept: int64 (kept,), indices of some of them, see :func:`survivors`.
        ascend: called with the examples of some of these, their points and their indices in
            ``kept``.
    """
    points = found.points[kept]

    def further(some: AttackState, part: Tensor) -> AscentResult:
        return ascend(some, {IMAGES: points[part]}, part)

    return run_restarts(state, found.rows[kept], further)
