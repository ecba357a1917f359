"""Climbing outside the ball and coming back: around what stops a climb inside it.

A climb inside the ball can end in a local maximum, in particular where the box clips it or where a
network answers with flat regions to perturbations it was trained on. Seen from further away the
boundary is often in sight, and the way back to the ball leads along it. AutoAttack's l1 version
starts from larger balls for the same reason (Croce & Hein 2021, section 4).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from benchmark.ascent import Climb as Climbed
from benchmark.ascent import Evaluate, apgd
from benchmark.attacks.inputs.climbing import untargeted
from benchmark.attacks.inputs.field import Field
from benchmark.attacks.inputs.lanes import run_lanes
from benchmark.attacks.inputs.search import Search
from benchmark.spaces import IMAGES, InputBall

OBJECTIVE = "probability margin"


def wider(ball: InputBall, factor: float | Tensor) -> InputBall:
    """The balls around the same images with ``factor`` times the radius, one or one each (n,)."""
    return InputBall(ball.images, ball.norm, ball.eps * factor)


def come_back(ball: InputBall, evaluate: Evaluate, away: Tensor, steps: int) -> Climbed:
    """Climb inside the ball from the point of it that is nearest to one outside."""
    return apgd(ball, evaluate, ball.project({IMAGES: away}), steps, first_step=1.0)


@dataclass(frozen=True)
class Reach(Search):
    """Which examples fall at ``factor`` times the budget; those that do are brought back.

    An example that ten steps cannot break with twice the budget is hardly ever broken with the
    budget itself: on 30 pairs of small networks and budgets, none of the examples that AutoAttack
    broke was lost so (``docs/probes/input.md``). The searches that follow leave the others alone.

    Attributes:
        out: APGD steps in the larger ball.
        back: APGD steps in the ball, for those that fell.
        factor: of the radius.
        above: asks only examples whose margin is closed by at least this share; the others, whose
            margin would have to fall several times as fast outside, count as out of reach.
    """

    out: int = 10
    back: int = 20
    factor: float = 2.0
    above: float = 0.0

    @property
    def name(self) -> str:
        """Factor and steps."""
        return f"reach of {self.factor:g} budgets, {self.out} + {self.back} steps"

    def wants(self, field: Field) -> Tensor:
        """What came near enough; the others are left alone by the searches after this one too."""
        # Not ``>=``: where logits are not finite the share is NaN, and nothing is known to be far.
        field.reachable = field.reachable & ~(field.closed < self.above)
        return field.reachable

    def find(self, field: Field) -> Tensor:
        """The clean image where the larger ball holds nothing, else where the way back ended."""
        candidates = field.subject.images.clone()
        larger = wider(field.ball, self.factor)
        start = {IMAGES: candidates}
        away = apgd(larger, untargeted(field, OBJECTIVE), start, self.out)
        field.reachable = away.fallen
        rows = away.fallen.nonzero().squeeze(1)
        if len(rows):
            some = field.take(rows)
            evaluate = untargeted(some, OBJECTIVE)
            home = come_back(some.ball, evaluate, away.point[IMAGES][rows], self.back)
            candidates[rows] = home.point[IMAGES]
        return candidates


@dataclass(frozen=True)
class Overshoot(Search):
    """From larger balls of several sizes back into the ball, not stopping at the boundary outside.

    Attributes:
        factors: of the radius, one climb each.
        out: APGD steps in the larger ball.
        back: APGD steps in the ball.
        above: asks only examples whose margin is closed by at least this share.
        share: and at most this share of all, see :meth:`Field.near`.
        boxed: only where the box stops climbs that start inside, in l2 and l1 balls.
    """

    factors: tuple[float, ...] = (1.25, 1.5, 2.0, 3.0)
    out: int = 10
    back: int = 30
    above: float = 0.75
    share: float = 0.2
    boxed: bool = False

    @property
    def name(self) -> str:
        """Factors and steps."""
        sizes = ", ".join(f"{factor:g}" for factor in self.factors)
        return f"overshoot to {sizes} budgets, {self.out} + {self.back} steps"

    def wants(self, field: Field) -> Tensor:
        """Examples that came near enough."""
        near = field.near(self.above, self.share)
        return near & (not self.boxed or field.ball.norm != "linf")

    def find(self, field: Field) -> Tensor:
        """Each example's first find, else the furthest point of all its climbs."""
        rows = torch.arange(len(field.rows), device=field.rows.device)
        factors = torch.tensor(self.factors, device=rows.device).repeat_interleave(len(rows))

        def climb(some: Field, lanes: Tensor) -> Climbed:
            larger, outside = (
                wider(some.ball, factors[lanes]),
                untargeted(some, OBJECTIVE, stop=False),
            )
            away = apgd(larger, outside, some.ball.origin, self.out).point[IMAGES]
            return come_back(some.ball, untargeted(some, OBJECTIVE), away, self.back)

        return run_lanes(field, rows.repeat(len(self.factors)), climb).best(field.nearest)
