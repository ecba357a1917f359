"""Square attack: random search without gradients.

Random squares are proposed and kept if the objective does not decrease. For linf, as in the paper,
the start is vertical stripes, and squares are plus or minus the radius per channel, with sides that
shrink. For l2 and l1 a square of random length, one sign per channel, is added to the best image,
and the sum is projected, which shortens the rest of the displacement.

Source: Andriushchenko et al. 2020; the l2 and l1 step is this project's own.

Hyper-parameters: queries, runs, share of squares inside the ball, :data:`FIRST_AREA`,
:data:`HALVING_QUERIES` and :data:`LENGTH_DECADES`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from benchmark.attacks.inputs.random_squares import linf_proposal, square_mask, square_side
from benchmark.attacks.inputs.search import Candidates, Search
from benchmark.attacks.inputs.state import AttackState, evenly_spaced
from benchmark.attacks.verification import margins
from benchmark.draws import uniform
from benchmark.objectives import other_logits, targeted_margin
from benchmark.spaces import IMAGES
from models_zoo.prediction import predicted_classes

FIRST_AREA = 0.8
"""Share of the image that the first square covers."""

HALVING_QUERIES = (0.001, 0.005, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8)
"""Shares of the queries after which squares cover half the area (the paper's schedule)."""

LENGTH_DECADES = 1.5
"""Orders of magnitude between the shortest and the longest square added in l2 and l1 balls. With
squares of full length, 34 of 59 digits were robust after 1000 queries in an l2 ball; with this
range, 21."""

N_TARGETS = 3
"""Number of target classes of later runs, after which a run is untargeted again."""


@dataclass(frozen=True)
class SquareAttack(Search):
    """Random search over squares, with the model's scores alone.

    Attributes:
        queries: forward passes per example and run.
        runs: number of runs, each from the image, on the examples that are still robust.
        inside_share: share of the squares that end inside a linf ball instead of on its surface,
            for models whose margin is not monotone along the displacement.
        max_examples: run on at most this many robust examples, evenly spaced; 0 for all.
        only_if_masked: run only where gradient masking was detected.
    """

    uses_gradients: ClassVar[bool] = False

    queries: int
    runs: int = 1
    inside_share: float = 0.0
    max_examples: int = 0
    only_if_masked: bool = False

    @property
    def name(self) -> str:
        """Queries and sample."""
        where = f" on a sample of {self.max_examples}" if self.max_examples else ""
        runs = f"{self.runs} x " if self.runs > 1 else ""
        return f"Square attack, {runs}{self.queries} queries{where}"

    def select(self, state: AttackState) -> Tensor:
        """The robust examples, or a sample of them, reachable by gradients or not."""
        if not self.max_examples:
            return state.robust
        selected = torch.zeros_like(state.robust)
        selected[evenly_spaced(state.robust.nonzero().squeeze(1), self.max_examples)] = True
        return selected

    def find(self, batch: AttackState) -> Candidates:
        """Per example the image with the largest objective in its last run."""
        best = batch.subject.images.clone()
        rows = torch.arange(len(best), device=best.device)
        for run, classes in zip(range(self.runs), _targets(batch), strict=False):
            if not len(rows):
                break
            targets = None if classes is None else classes[rows]
            found, broken = self._run(batch.take(rows), targets, run * self.queries)
            best[rows] = found
            rows = rows[~broken]
        return Candidates(best)

    def _run(
        self, state: AttackState, targets: Tensor | None, stream: int
    ) -> tuple[Tensor, Tensor]:
        """Images of the largest objective (n, C, H, W) in one run, and which are broken, (n,)."""
        labels = state.subject.labels
        best, values = state.subject.images.clone(), torch.full_like(state.margins, -torch.inf)
        broken = torch.zeros_like(state.robust)
        rows = torch.arange(len(best), device=best.device)
        for query in range(self.queries):
            some = state.take(rows)
            proposal = self._propose(some, best[rows], query, stream + query)
            proposal = some.ball.project({IMAGES: proposal})[IMAGES]
            logits = state.subject.logits(proposal)
            value = (
                margins(logits, labels[rows])
                if targets is None
                else targeted_margin(logits, labels[rows], targets[rows])
            )
            newly = predicted_classes(logits) != labels[rows]
            better = newly | (value >= values[rows])
            best[rows[better]], values[rows[better]] = proposal[better], value[better]
            broken[rows[newly]] = True
            rows = rows[~newly]
            if not len(rows):
                break
        return best, broken

    def _propose(self, state: AttackState, best: Tensor, query: int, stream: int) -> Tensor:
        """The next images to try, before projection.

        Of the uniform numbers of an example, two give the position of the square, one decides
        whether it stays inside the ball or how long it is, one how far inside, and the others are
        signs.
        """
        ball, clean = state.ball, state.subject.images
        channels, height, width = best.shape[1:]
        numbers = uniform(state.seed, state.rows, stream, 4 + channels * width)
        signs = (2.0 * (numbers[:, 4:] < 0.5) - 1).view(len(best), channels, 1, width)
        radii = ball.radii.view(-1, 1, 1, 1).to(best)
        if ball.norm == "linf" and query == 0:
            return clean + radii * signs
        halvings = sum(query >= share * self.queries for share in HALVING_QUERIES)
        area, places, channel_signs = FIRST_AREA / 2**halvings, numbers[:, :2], signs[..., :1]
        if ball.norm == "linf":
            stays_inside = numbers[:, 2] < self.inside_share
            length = torch.where(stays_inside, numbers[:, 3], 1.0).view(-1, 1, 1, 1)
            return linf_proposal(clean, best, length * radii * channel_signs, places, area)
        side = square_side(area, height, width)
        size = channels * side**2
        length = radii * 10 ** (-LENGTH_DECADES * numbers[:, 2]).view(-1, 1, 1, 1)
        per_pixel = length / (size**0.5 if ball.norm == "l2" else size)
        square = square_mask(places, side, height, width)
        moved: Tensor = best + square * channel_signs * per_pixel
        return moved


def _targets(state: AttackState) -> Iterator[Tensor | None]:
    """Targets of the runs, (n,): none, then each of the strongest other classes in turn."""
    logits = other_logits(state.subject.logits(), state.subject.labels)
    order = logits.argsort(dim=1, descending=True, stable=True)[:, :-1]
    while True:
        yield None
        yield from order[:, :N_TARGETS].unbind(1)
