"""Descents to the decision boundary from far outside the ball.

From a point at several radii a descent crosses to the other side of the boundary and follows it
towards the clean image (:mod:`benchmark.attacks.inputs.minimum_norm`); the last one begins at the
nearest image so far. Where a network is flat around the clean image, as networks trained against
linf attacks are in l2 and l1 balls, ascents from inside the ball see no boundary at all. For a CNN
that was trained so on MNIST, 23 of 60 images in an l2 ball of 2 and 18 in an l1 ball of 10 were
robust after all other searches of the standard effort; such descents broke 19 and 17 of these.

Source: this project's own; the descents are FMN's and DDN's, which begin at the image.

Hyper-parameters: the descents, and which examples they run on. Examples that the larger-ball
screening left out are not spared: it ascends from inside as well.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from benchmark.attacks.inputs.minimum_norm import Descent, descend, start_of
from benchmark.attacks.inputs.search import Candidates, CostlySearch
from benchmark.attacks.inputs.state import AttackState


@dataclass(frozen=True)
class OutsideDescents(CostlySearch):
    """Several descents one after the other, each on the examples that are still robust.

    Attributes:
        descents: untargeted ones that begin outside or at the nearest image, in order; their first
            radius is in radii of the ball.
    """

    descents: tuple[Descent, ...]

    @property
    def name(self) -> str:
        """Number of descents and of their steps."""
        steps = " + ".join(str(each.steps) for each in self.descents)
        return f"descents from outside, {steps} steps"

    def select(self, state: AttackState) -> Tensor:
        """The examples whose margin is closed far enough, reachable or not."""
        return self.close(state)

    def find(self, batch: AttackState) -> Candidates:
        """The nearest misclassified image per example, whether inside the ball or not."""
        ball, found = batch.ball, batch.subject.images.clone()
        radii = ball.radii.to(found)
        shortest = torch.full_like(radii, torch.inf)
        for number, descent in enumerate(self.descents):
            rows = (shortest > radii).nonzero().squeeze(1)
            if not len(rows):
                break
            some = batch.subject.take(rows)
            again = descent.start == "nearest"
            first = shortest[rows] if again else descent.outside * radii[rows]
            generator = torch.Generator().manual_seed(batch.seed + number)
            start = start_of(descent, some.images, found[rows], ball.norm, first, generator)
            images, length = descend(some, ball.norm, descent, start, first)
            nearer = length < shortest[rows]
            found[rows[nearer]], shortest[rows[nearer]] = images[nearer], length[nearer]
        return Candidates(found)
