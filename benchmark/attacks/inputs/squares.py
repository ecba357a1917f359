"""Search without gradients: random squares, kept where they help.

Source: Square attack, Andriushchenko et al. 2020. For linf as there: vertical stripes first, then
squares at the ends of the ball, one sign a channel, with sides that shrink. For l2 and l1 a square
of some length, one sign a channel, is added to what was found so far and the sum projected, which
moves length from elsewhere into the square.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from benchmark.attacks.inputs.field import Field
from benchmark.attacks.inputs.search import Search
from benchmark.attacks.verification import margins
from benchmark.draws import uniform
from benchmark.spaces import IMAGES

COVER = 0.8
"""Share of the image that the first square covers."""

HALVINGS = (0.001, 0.005, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8)
"""Shares of the queries after which the squares cover half as much (the paper's schedule)."""


@dataclass(frozen=True)
class Squares(Search):
    """Random squares, from scores alone.

    Attributes:
        queries: images asked of the model, one an example and step.
        sample: only so many of the standing examples, spread evenly; all where 0.
        masked_only: only where gradients were seen to lead astray.
    """

    kind: ClassVar[str] = "squares"

    queries: int
    sample: int = 0
    masked_only: bool = False

    @property
    def name(self) -> str:
        """Queries and sample."""
        where = f" on a sample of {self.sample}" if self.sample else ""
        return f"{self.kind}, {self.queries} queries{where}"

    def wants(self, field: Field) -> Tensor:
        """What stands, whether or not gradients call it reachable."""
        wanted = field.standing.clone()
        if self.masked_only and not field.masked:
            wanted[:] = False
        rows = wanted.nonzero().squeeze(1)
        if self.sample and len(rows) > self.sample:
            spread = torch.linspace(0, len(rows) - 1, self.sample, device=rows.device).round()
            wanted[:] = False
            wanted[rows[spread.long()]] = True
        return wanted

    def find(self, field: Field) -> Tensor:
        """Each example's image of the greatest margin."""
        best, values = field.subject.images.clone(), torch.full_like(field.margins, -torch.inf)
        rows = torch.arange(len(best), device=best.device)
        for query in range(self.queries):
            some = field.take(rows)
            proposal = some.ball.project({IMAGES: self._propose(some, best[rows], query)})[IMAGES]
            logits = field.subject.logits(proposal)
            rise = margins(logits, some.subject.labels)
            better = rise > values[rows]
            best[rows[better]], values[rows[better]] = proposal[better], rise[better]
            fallen = logits.argmax(1) != some.subject.labels
            best[rows[fallen]] = proposal[fallen]
            rows = rows[~fallen]
            if not len(rows):
                break
        return best

    def _propose(self, field: Field, best: Tensor, query: int) -> Tensor:
        channels, height, width = best.shape[1:]
        stripes = field.ball.norm == "linf" and query == 0
        numbers = uniform(field.seed, field.rows, query, 2 + channels * width)
        signs = (2.0 * (numbers[:, 2:] < 0.5) - 1).view(len(best), channels, 1, width)
        radii = field.ball.radii.view(-1, 1, 1, 1).to(best)
        if stripes:
            return field.subject.images + radii * signs
        done = sum(query >= share * self.queries for share in HALVINGS)
        side = max(1, round((COVER / 2**done) ** 0.5 * min(height, width)))
        inside = _squares(numbers[:, :2], side, height, width)
        one_sign = signs[..., :1]
        if field.ball.norm == "linf":
            return torch.where(inside, field.subject.images + radii * one_sign, best)
        size = channels * side**2
        height_of = radii / (size**0.5 if field.ball.norm == "l2" else size)
        moved: Tensor = best + inside * one_sign * height_of
        return moved


def _squares(corners: Tensor, side: int, height: int, width: int) -> Tensor:
    """Bool (n, 1, H, W): a square an image, its place given by numbers in [0, 1) (n, 2)."""
    top = (corners[:, 0] * (height - side + 1)).floor().view(-1, 1, 1, 1)
    left = (corners[:, 1] * (width - side + 1)).floor().view(-1, 1, 1, 1)
    y = torch.arange(height, device=corners.device).view(1, 1, -1, 1)
    x = torch.arange(width, device=corners.device).view(1, 1, 1, -1)
    return (y >= top) & (y < top + side) & (x >= left) & (x < left + side)
