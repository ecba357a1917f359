"""Targeted APGD from random points with successive halving: longer ascents from the best points.

``max_x L(z(x), t)`` over the ball from many random points. After each stage an example keeps its
best points only, and longer ascents begin there. On 22 examples of digits networks in linf balls
that fell to none of the first four searches of the standard effort, twelve ascents of 8 steps, then
four of 16 and two of 40 broke 75%, and ten of 40 steps, which take three fifths more passes, 72%.

Sources: Croce & Hein 2020 (the ascents, :mod:`benchmark.ascent.apgd`); Jamieson & Talwalkar 2016
(successive halving).

Hyper-parameters: the objective, the number of target classes, and the stages.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from benchmark.ascent import AscentResult, Evaluate, apgd, per_example
from benchmark.attacks.inputs.restarts import Restarts, run_from, run_restarts, survivors
from benchmark.attacks.inputs.search import Candidates, CostlySearch
from benchmark.attacks.inputs.state import AttackState
from benchmark.attacks.inputs.targeted_apgd import CLASS_STREAMS
from benchmark.objectives import TARGETED_OBJECTIVES
from benchmark.spaces import IMAGES, Point


@dataclass(frozen=True)
class Stage:
    """Ascents that run side by side.

    Attributes:
        starts: number per example: random points in the first stage, later the best so far.
        steps: APGD steps of each.
    """

    starts: int
    steps: int


@dataclass(frozen=True)
class StagedRestarts(CostlySearch):
    """Targeted APGD in stages, usually with fewer points and more steps from stage to stage.

    Attributes:
        objective: a name of :data:`benchmark.objectives.TARGETED_OBJECTIVES`.
        stages: in order.
        classes: number of target classes, the most promising ones, which the starts have in turn.
    """

    targeted: ClassVar[bool] = True

    objective: str
    stages: tuple[Stage, ...]
    classes: int = 1

    @property
    def name(self) -> str:
        """Objective, classes, and starts and steps of each stage."""
        towards = f"towards {self.classes} class{'es' if self.classes > 1 else ''}"
        stages = ", ".join(f"{each.starts} x {each.steps} steps" for each in self.stages)
        return f"staged APGD on {self.objective} {towards} from random points, {stages}"

    def find(self, batch: AttackState) -> Candidates:
        """Per example the first misclassified image, or else the best of its last stage."""
        first, *later = self.stages
        examples = torch.arange(len(batch.keys), device=batch.keys.device)
        rows = examples.repeat(first.starts)
        draws = torch.arange(first.starts, device=rows.device).repeat_interleave(len(examples))
        order = batch.target_progress.argsort(dim=1, descending=True, stable=True)
        classes = batch.targets[rows, order[rows, draws % min(self.classes, order.shape[1])]]
        streams = draws * CLASS_STREAMS + classes

        def at_random(some: AttackState, part: Tensor) -> AscentResult:
            start = {IMAGES: some.random_starts(streams[part])}
            return apgd(some.ball, self._towards(some, classes[part]), start, first.steps)

        found = run_restarts(batch, rows, at_random)
        best = found.best(batch.nearest)
        for stage in later:
            found, classes = self._continue(batch, found, classes, stage)
            best = found.best(best)
        return Candidates(best)

    def _continue(
        self, batch: AttackState, found: Restarts, classes: Tensor, stage: Stage
    ) -> tuple[Restarts, Tensor]:
        """One more stage; returns its restarts and their target classes."""
        kept = survivors(found, stage.starts)
        classes = classes[kept]

        def further(some: AttackState, start: Point, part: Tensor) -> AscentResult:
            towards = self._towards(some, classes[part])
            return apgd(some.ball, towards, start, stage.steps, first_step=1.0)

        return run_from(batch, found, kept, further), classes

    def _towards(self, state: AttackState, classes: Tensor) -> Evaluate:
        """The objective with one target class per example, int64 (n,)."""
        return per_example(state.subject, TARGETED_OBJECTIVES[self.objective], classes)
