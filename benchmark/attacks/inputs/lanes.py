"""Several climbs an example, run side by side."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from benchmark.ascent import Climb as Climbed
from benchmark.attacks.inputs.field import Field
from benchmark.memory import in_batches
from benchmark.spaces import IMAGES


@dataclass
class Lanes:
    """What the climbs of several lanes found.

    All lanes of an example run to their end, even if one has won: what is found then does not
    depend on how lanes fall into batches.

    Attributes:
        rows: int64 (lanes,), the example each lane belongs to.
        points: (lanes, C, H, W), where it fell or came furthest.
        values: (lanes,), its objective there.
        fallen: bool (lanes,).
    """

    rows: Tensor
    points: Tensor
    values: Tensor
    fallen: Tensor

    def best(self, otherwise: Tensor) -> Tensor:
        """Each example's first find, else its furthest point; ``otherwise`` where it has no lane.

        Args:
            otherwise: (n, C, H, W), one an example.
        """
        images = otherwise.clone()
        merit = torch.where(self.fallen, torch.inf, self.values)
        by_merit = merit.argsort(descending=True, stable=True)
        order = by_merit[self.rows[by_merit].argsort(stable=True)]
        rows = self.rows[order]
        first = torch.ones_like(rows, dtype=torch.bool)
        first[1:] = rows[1:] != rows[:-1]
        images[rows[first]] = self.points[order[first]]
        return images


def run_lanes(field: Field, rows: Tensor, climb: Callable[[Field, Tensor], Climbed]) -> Lanes:
    """Climb in every lane, as many at once as fit.

    Args:
        field: the examples.
        rows: int64 (lanes,), the example each lane belongs to.
        climb: called with the examples of some lanes, one a lane, and these lanes' indices.
    """
    subject = field.subject
    found = Lanes(
        rows,
        torch.empty_like(subject.images[rows]),
        torch.empty_like(field.margins[rows]),
        torch.zeros_like(field.standing[rows]),
    )

    def work(part: Tensor) -> None:
        climbed = climb(field.take(rows[part]), part)
        found.points[part] = climbed.point[IMAGES]
        found.values[part] = climbed.values.to(found.values)
        found.fallen[part] = climbed.fallen

    lanes = torch.arange(len(rows), device=rows.device)
    subject.batch_size = in_batches(lanes, subject.batch_size, work)
    return found
