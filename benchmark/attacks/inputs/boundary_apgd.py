"""APGD from the decision boundary: from the projection of a misclassified image outside the ball.

``max_x L(z(x), y)`` over the ball from ``project(x')``, where ``x'`` is misclassified and outside.
Minimal distances search the ball just below their nearest image with it: the ascent begins next to
the boundary and follows it.

Source: Croce & Hein 2020 (the ascent, :mod:`benchmark.ascent.apgd`).

Hyper-parameters: objective, number of steps, and which examples it runs on.
"""

from __future__ import annotations

from dataclasses import dataclass

from benchmark.attacks.inputs.apgd_search import untargeted
from benchmark.attacks.inputs.larger_ball import ascend_inside
from benchmark.attacks.inputs.search import Candidates, CostlySearch
from benchmark.attacks.inputs.state import AttackState
from benchmark.spaces import IMAGES


@dataclass(frozen=True)
class BoundaryAPGD(CostlySearch):
    """APGD from the projection of :attr:`AttackState.outside`, or of the image if none is known.

    Attributes:
        objective: a name of :data:`benchmark.attacks.inputs.apgd_search.OBJECTIVES`.
        steps: APGD steps.
    """

    objective: str
    steps: int

    @property
    def name(self) -> str:
        """Objective and steps."""
        return f"APGD on {self.objective} from the boundary, {self.steps} steps"

    def find(self, batch: AttackState) -> Candidates:
        """Per example the first misclassified image, or else the one with the largest objective."""
        start = batch.subject.images if batch.outside is None else batch.outside
        found = ascend_inside(batch.ball, untargeted(batch, self.objective), start, self.steps)
        return Candidates(found.point[IMAGES])
