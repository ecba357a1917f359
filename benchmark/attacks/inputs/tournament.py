"""Every class is aimed at for a few steps, and the most promising ones for more.

AutoAttack gives each of nine classes a hundred steps. A few steps tell nearly as well which class
can win, so classes are dropped in rounds and the budget goes to those left (successive halving,
Jamieson & Talwalkar 2016). The first order is MALT's (Melamed et al. 2024).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from benchmark.ascent import Climb as Climbed
from benchmark.ascent import apgd, per_example
from benchmark.attacks.inputs.field import Field
from benchmark.attacks.inputs.lanes import run_lanes
from benchmark.attacks.inputs.overshoot import come_back, wider
from benchmark.attacks.inputs.search import Search
from benchmark.objectives import targeted_margin
from benchmark.spaces import IMAGES


@dataclass(frozen=True)
class Round:
    """One round of a tournament.

    Attributes:
        classes: at most so many an example, the most promising first.
        above: only classes of at least this promise.
        steps: APGD steps on the targeted margin.
        out: steps before that in the ball of twice the radius, from where the climb then comes
            back. For l2 and l1 only: there the box stops climbs that start inside.
        random: start at a random point of the ball instead of the image.
        lanes: where few climb, several random starts each: so many climbs for all together.
    """

    classes: int
    above: float
    steps: int
    out: int = 0
    random: bool = False
    lanes: int = 0


@dataclass(frozen=True)
class Tournament(Search):
    """Rounds of targeted climbs, each with fewer classes and more steps than the one before.

    Attributes:
        rounds: the rounds, in order.
        above: asks only examples whose margin is closed by at least this share.
        share: and at most this share of all, see :meth:`Field.near`.
    """

    rounds: tuple[Round, ...]
    above: float = 0.0
    share: float = 1.0

    @property
    def name(self) -> str:
        """Classes and steps of each round."""
        start = "random points" if any(stage.random for stage in self.rounds) else "image"
        return f"targets from {start}, " + ", ".join(
            f"{stage.classes} x {stage.out + stage.steps} steps" for stage in self.rounds
        )

    def wants(self, field: Field) -> Tensor:
        """Reachable examples that came near enough."""
        return field.near(self.above, self.share)

    def find(self, field: Field) -> Tensor:
        """Each example's find, else the furthest point of the last round it was in."""
        best, standing = field.nearest, torch.ones_like(field.standing)
        for stage in self.rounds:
            rows, columns = _pairs(field.promise, standing, stage)
            if not len(rows):
                break
            draws = max(1, stage.lanes // (stage.classes * field.crowd))
            pairs, rows, columns = len(rows), rows.repeat(draws), columns.repeat(draws)
            classes = field.targets[rows, columns]

            def climb(
                some: Field,
                lanes: Tensor,
                stage: Round = stage,
                classes: Tensor = classes,
                pairs: int = pairs,
            ) -> Climbed:
                return _climb(some, classes[lanes], stage, lanes // pairs)

            lanes = run_lanes(field, rows, climb)
            field.promise = field.promise.clone()
            field.promise[rows, columns] = _closed(field, rows, classes, lanes.values)
            best = lanes.best(best)
            standing[rows[lanes.fallen]] = False
        return best


def _pairs(promise: Tensor, standing: Tensor, stage: Round) -> tuple[Tensor, Tensor]:
    """The examples and classes of a round, as indices (pairs,) into rows and columns."""
    allowed = torch.where(standing[:, None] & (promise >= stage.above), promise, -torch.inf)
    count = min(stage.classes, promise.shape[1])
    order = allowed.argsort(dim=1, descending=True, stable=True)[:, :count]
    chosen = torch.zeros_like(allowed, dtype=torch.bool).scatter_(1, order, True)
    rows, columns = (chosen & (allowed > -torch.inf)).nonzero(as_tuple=True)
    return rows, columns


def _climb(field: Field, classes: Tensor, stage: Round, draw: Tensor) -> Climbed:
    """Each example towards one class."""
    evaluate = per_example(field.subject, targeted_margin, classes)
    start = (
        {IMAGES: field.random_starts(draw * 1_000_003 + classes)}
        if stage.random
        else field.ball.origin
    )
    if not stage.out or field.ball.norm == "linf":
        return apgd(field.ball, evaluate, start, stage.steps)
    away = apgd(wider(field.ball, 2.0), evaluate, start, stage.out).point[IMAGES]
    return come_back(field.ball, evaluate, away, stage.steps)


def _closed(field: Field, rows: Tensor, classes: Tensor, values: Tensor) -> Tensor:
    """The share of the gap to a class that a climb has closed."""
    logits = field.subject.logits()[rows]
    own = logits.gather(1, field.subject.labels[rows, None])
    gaps = (own - logits.gather(1, classes[:, None])).squeeze(1)
    return 1 + values / gaps.clamp_min(1e-12)
