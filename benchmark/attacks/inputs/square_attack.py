"""Square attack: random search without gradients.

Random squares are proposed and kept if the objective does not decrease. For linf, as in the paper,
the start is vertical stripes, and squares are plus or minus the radius per channel, with sides that
shrink. For l2 and l1 a square of random length, one sign per channel, is added to the best image,
and the sum is projected, which shortens the rest of the displacement. Several squares may be tried
on the same image at once, of which the best counts: most of them are not kept anyway, and a few
images pass through a model in the time of one.

Source: Andriushchenko et al. 2020; the l2 and l1 step and several squares at once are this
project's own.

Hyper-parameters: queries, runs, squares at once, share of squares inside the ball,
:data:`FIRST_AREA`, :data:`HALVING_QUERIES` and :data:`LENGTH_DECADES`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from benchmark.attacks.inputs.random_squares import linf_proposal, square_mask, square_side
from benchmark.attacks.inputs.restarts import keep_largest
from benchmark.attacks.inputs.search import Candidates, DetectsMasking
from benchmark.attacks.inputs.state import AttackState
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
class SquareAttack(DetectsMasking):
    """Random search over squares, with the model's scores alone.

    Attributes:
        queries: forward passes per example and run.
        runs: number of runs from the image, side by side, untargeted and towards the strongest
            classes in turn.
        at_once: number of squares that are tried on the same image, of which the best counts.
        inside_share: share of the squares that end inside a linf ball instead of on its surface,
            for models whose margin is not monotone along the displacement.
    """

    uses_gradients: ClassVar[bool] = False

    queries: int
    runs: int = 1
    at_once: int = 1
    inside_share: float = 0.0

    @property
    def name(self) -> str:
        """Runs, queries and squares at once."""
        runs = f"{self.runs} x " if self.runs > 1 else ""
        at_once = f", {self.at_once} at once" if self.at_once > 1 else ""
        return f"Square attack, {runs}{self.queries} queries{at_once}"

    def find(self, batch: AttackState) -> Candidates:
        """Per example the first misclassified image, or else the one with the largest objective."""
        found = batch.subject.images.clone()
        targets = _targets(batch, self.runs)
        rows = torch.arange(len(found), device=found.device)
        side_by_side = self.runs * self.at_once
        for part in torch.split(rows, max(1, batch.subject.batch_size // side_by_side)):
            some = batch.take(part.repeat(self.runs))
            found[part] = self._run(some, len(part), targets[part].T.flatten())
        return Candidates(found)

    def _run(self, state: AttackState, count: int, targets: Tensor) -> Tensor:
        """All runs of ``count`` examples side by side; images (count, C, H, W).

        Args:
            state: the examples, once per run: all of the first run, then all of the second.
            count: number of examples; all runs of one end when one of them has broken it.
            targets: int64 (runs x count,), target classes, negative for untargeted runs.
        """
        found = state.subject.images[:count].clone()
        best, values = state.subject.images.clone(), torch.full_like(state.margins, -torch.inf)
        every = torch.arange(len(best), device=best.device)
        examples, streams = every % count, every // count * self.queries
        tries = torch.arange(self.at_once, device=best.device)
        wide = state.take(every.repeat_interleave(self.at_once))
        targets = targets.repeat_interleave(self.at_once)
        for query in range(0, self.queries, self.at_once):
            draws = (streams[:, None] + query + tries).flatten()
            here = best.repeat_interleave(self.at_once, dim=0)
            proposal = wide.ball.project({IMAGES: self._propose(wide, here, query, draws)})[IMAGES]
            logits, labels = wide.subject.logits(proposal), wide.subject.labels
            value = torch.where(
                targets < 0,
                margins(logits, labels),
                targeted_margin(logits, labels, targets.clamp_min(0)),
            )
            wrong = predicted_classes(logits) != labels
            # A misclassified image counts most, and of equal ones the first.
            rank = torch.where(wrong, torch.inf, value).view(-1, self.at_once)
            chosen = rank.argmax(1) + torch.arange(len(best), device=best.device) * self.at_once
            proposal, value, newly = proposal[chosen], value[chosen], wrong[chosen]
            better = newly | (value >= values)
            best = torch.where(better.view(-1, 1, 1, 1), proposal, best)
            values = torch.where(better, value, values)
            if bool(newly.any()):
                broken = torch.zeros(count, dtype=torch.bool, device=best.device)
                broken[examples[newly]] = True
                keep_largest(found, best, torch.where(newly, 1.0, -torch.inf), examples)
                left = (~broken[examples]).nonzero().squeeze(1)
                best, values = best[left], values[left]
                examples, streams = examples[left], streams[left]
                squares = (left[:, None] * self.at_once + tries).flatten()
                wide, targets = wide.take(squares), targets[squares]
            if not len(examples):
                break
        keep_largest(found, best, values, examples)
        return found

    def _propose(self, state: AttackState, best: Tensor, query: int, streams: Tensor) -> Tensor:
        """The next images to try, before projection.

        Of the uniform numbers of an example, two give the position of the square, one decides
        whether it stays inside the ball or how long it is, one how far inside, and the others are
        signs.
        """
        ball, clean = state.ball, state.subject.images
        channels, height, width = best.shape[1:]
        numbers = uniform(state.seed, state.keys, streams, 4 + channels * width)
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


def _targets(state: AttackState, runs: int) -> Tensor:
    """Targets of the runs, int64 (n, runs): none, which is -1, then each of the strongest classes.

    There are :data:`N_TARGETS` classes, or as many as the model has; then a run has none again.
    """
    logits = other_logits(state.subject.logits(), state.subject.labels)
    order = logits.argsort(dim=1, descending=True, stable=True)[:, :-1][:, :N_TARGETS]
    cycle = torch.cat([torch.full_like(order[:, :1], -1), order], dim=1)
    return cycle.repeat(1, -(-runs // cycle.shape[1]))[:, :runs]
