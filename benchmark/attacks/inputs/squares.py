"""Search without gradients: random squares, kept where they help.

Source: Square attack, Andriushchenko et al. 2020. For linf as there: vertical stripes first, then
squares at the ends of the ball, one sign a channel, with sides that shrink. For l2 and l1 a square
of some length, one sign a channel, is added to what was found so far and the sum projected, which
moves length from elsewhere into the square.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from benchmark.attacks.inputs.field import Field
from benchmark.attacks.inputs.search import Search
from benchmark.attacks.inputs.trust import spread
from benchmark.attacks.verification import margins
from benchmark.draws import uniform
from benchmark.objectives import others, targeted_margin
from benchmark.spaces import IMAGES
from models_zoo.prediction import predicted_classes

COVER = 0.8
"""Share of the image that the first square covers."""

HALVINGS = (0.001, 0.005, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8)
"""Shares of the queries after which the squares cover half as much (the paper's schedule)."""

DECADES = 1.5
"""Orders of magnitude between the shortest and the longest square added in l2 and l1 balls. With
all of a radius's length, 34 of 59 digits stood after 1000 queries in an l2 ball, with this 21."""

CLASSES = 3
"""Classes that later runs aim at, before one is again on the margin to whichever is nearest."""


@dataclass(frozen=True)
class Squares(Search):
    """Random squares, from scores alone.

    Attributes:
        queries: images asked of the model, one an example and step.
        runs: so many searches one after the other, each from the image, on what still stands.
        inside: share of the squares that stay inside the ball; for linf, and models whose margins
            jump on the way to its end.
        sample: only so many of the standing examples, spread evenly; all where 0.
        masked_only: only where gradients were seen to lead astray.
    """

    kind: ClassVar[str] = "squares"

    queries: int
    runs: int = 1
    inside: float = 0.0
    sample: int = 0
    masked_only: bool = False

    @property
    def name(self) -> str:
        """Queries and sample."""
        where = f" on a sample of {self.sample}" if self.sample else ""
        runs = f"{self.runs} x " if self.runs > 1 else ""
        return f"{self.kind}, {runs}{self.queries} queries{where}"

    def wants(self, field: Field) -> Tensor:
        """What stands, whether or not gradients call it reachable."""
        wanted = field.standing.clone()
        if self.masked_only and not field.masked:
            wanted[:] = False
        if self.sample:
            rows = spread(wanted.nonzero().squeeze(1), self.sample)
            wanted[:] = False
            wanted[rows] = True
        return wanted

    def find(self, field: Field) -> Tensor:
        """Each example's image of the greatest margin in the last run."""
        best = field.subject.images.clone()
        rows = torch.arange(len(best), device=best.device)
        for run, classes in zip(range(self.runs), _aims(field), strict=False):
            if not len(rows):
                break
            aim = None if classes is None else classes[rows]
            found, fallen = self._run(field.take(rows), aim, run * self.queries)
            best[rows] = found
            rows = rows[~fallen]
        return best

    def _run(self, field: Field, aim: Tensor | None, stream: int) -> tuple[Tensor, Tensor]:
        """Images of the greatest margins (n, C, H, W) of one run, and which fell, (n,)."""
        labels = field.subject.labels
        best, values = field.subject.images.clone(), torch.full_like(field.margins, -torch.inf)
        fell = torch.zeros_like(field.standing)
        rows = torch.arange(len(best), device=best.device)
        for query in range(self.queries):
            some = field.take(rows)
            proposal = self._propose(some, best[rows], query, stream + query)
            proposal = some.ball.project({IMAGES: proposal})[IMAGES]
            logits = field.subject.logits(proposal)
            rise = (
                margins(logits, labels[rows])
                if aim is None
                else targeted_margin(logits, labels[rows], aim[rows])
            )
            fallen = predicted_classes(logits) != labels[rows]
            better = fallen | (rise >= values[rows])
            best[rows[better]], values[rows[better]] = proposal[better], rise[better]
            fell[rows[fallen]] = True
            rows = rows[~fallen]
            if not len(rows):
                break
        return best, fell

    def _propose(self, field: Field, best: Tensor, query: int, stream: int) -> Tensor:
        channels, height, width = best.shape[1:]
        numbers = uniform(field.seed, field.rows, stream, 4 + channels * width)
        signs = (2.0 * (numbers[:, 4:] < 0.5) - 1).view(len(best), channels, 1, width)
        radii = field.ball.radii.view(-1, 1, 1, 1).to(best)
        if field.ball.norm == "linf" and query == 0:
            return field.subject.images + radii * signs
        done = sum(query >= share * self.queries for share in HALVINGS)
        side = max(1, round((COVER / 2**done) ** 0.5 * min(height, width)))
        square = _squares(numbers[:, :2], side, height, width)
        one_sign = signs[..., :1]
        if field.ball.norm == "linf":
            far = torch.where(numbers[:, 2] < self.inside, numbers[:, 3], 1.0).view(-1, 1, 1, 1)
            return torch.where(square, field.subject.images + far * radii * one_sign, best)
        size = channels * side**2
        length = radii * 10 ** (-DECADES * numbers[:, 2]).view(-1, 1, 1, 1)
        height_of = length / (size**0.5 if field.ball.norm == "l2" else size)
        moved: Tensor = best + square * one_sign * height_of
        return moved


def _aims(field: Field) -> Iterator[Tensor | None]:
    """What the runs climb: the margin, then the one to each of the strongest classes, and again."""
    rivals = others(field.subject.logits(), field.subject.labels)
    order = rivals.argsort(dim=1, descending=True, stable=True)[:, :-1]
    while True:
        yield None
        yield from order[:, :CLASSES].unbind(1)


def _squares(corners: Tensor, side: int, height: int, width: int) -> Tensor:
    """Bool (n, 1, H, W): a square an image, its place given by numbers in [0, 1) (n, 2)."""
    top = (corners[:, 0] * (height - side + 1)).floor().view(-1, 1, 1, 1)
    left = (corners[:, 1] * (width - side + 1)).floor().view(-1, 1, 1, 1)
    y = torch.arange(height, device=corners.device).view(1, 1, -1, 1)
    x = torch.arange(width, device=corners.device).view(1, 1, 1, -1)
    return (y >= top) & (y < top + side) & (x >= left) & (x < left + side)
