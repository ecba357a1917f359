"""Searches that follow the gradient: APGD on one objective."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from benchmark.ascent import apgd, per_example
from benchmark.attacks.inputs.field import Field
from benchmark.attacks.inputs.search import Search
from benchmark.objectives import cross_entropy, probability_margin, targeted_margin
from benchmark.spaces import IMAGES

OBJECTIVES = {"probability margin": probability_margin, "cross-entropy": cross_entropy}

CALM = 10.0
"""The logit margin, in units of the temperature, that clean images are brought to at most. With
more, the probability margin of a sure prediction is -1 to the last bit of float32."""


@dataclass(frozen=True)
class Climb(Search):
    """APGD on an untargeted objective.

    Attributes:
        objective: a name of :data:`OBJECTIVES`.
        steps: APGD steps.
        start: ``"image"``, ``"random"`` or ``"nearest"``, the point of the greatest margin so far.
        above: asks only examples whose margin is closed by more than this share.
    """

    objective: str
    steps: int
    start: str = "image"
    above: float = 0.0

    @property
    def name(self) -> str:
        """Objective, start and steps."""
        return f"{self.objective} from {self.start}, {self.steps} steps"

    def wants(self, field: Field) -> Tensor:
        """Examples that came near enough."""
        return field.closed >= self.above

    def find(self, field: Field) -> Tensor:
        """Where the climb fell or came furthest."""
        temperature = (-field.clean / CALM).clamp_min(1)
        evaluate = per_example(field.subject, OBJECTIVES[self.objective], temperature)
        start = {IMAGES: start_of(field, self.start)}
        return apgd(field.ball, evaluate, start, self.steps).point[IMAGES]


@dataclass(frozen=True)
class Aim(Search):
    """APGD on the margin of one class over the true one.

    Attributes:
        rank: which class: 0 is the most promising.
        steps: APGD steps.
        start: as in :class:`Climb`.
        above: as in :class:`Climb`.
    """

    rank: int
    steps: int
    start: str = "image"
    above: float = 0.0

    @property
    def name(self) -> str:
        """Rank, start and steps."""
        return f"target {self.rank + 1} from {self.start}, {self.steps} steps"

    def wants(self, field: Field) -> Tensor:
        """Examples that came near enough, if the model has that many classes."""
        enough = field.targets is not None and field.targets.shape[1] > self.rank
        return (field.closed >= self.above) & enough

    def find(self, field: Field) -> Tensor:
        """Where the climb fell or came furthest."""
        if field.targets is None:
            raise RuntimeError("a targeted search needs the field's targets")
        evaluate = per_example(field.subject, targeted_margin, field.targets[:, self.rank])
        start = {IMAGES: start_of(field, self.start)}
        return apgd(field.ball, evaluate, start, self.steps).point[IMAGES]


def start_of(field: Field, start: str) -> Tensor:
    """The images a search starts from."""
    return {"image": field.subject.images, "random": field.starts, "nearest": field.nearest}[start]
