"""The searches of the attack on random models; each proposes several images per example."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import torch
from torch import Tensor

from benchmark.ascent.expected import EvaluateAtStep, expected_ascent
from benchmark.attacks.inputs import attack_subject
from benchmark.attacks.randomized.averaged import averaged
from benchmark.image_gradients import DifferentiableForward
from benchmark.objectives import Objective, cross_entropy, margin
from benchmark.randomness import Draws
from benchmark.requirements import missing_image_gradients
from benchmark.spaces import IMAGES, InputBall, Point
from benchmark.subject import Subject


def unlikeliness(logits: Tensor, labels: Tensor, temperature: Tensor) -> Tensor:
    """``-softmax(logits / temperature)[label]``.

    Its mean over draws is minus the mean probability of the label, whose gradient is parallel to
    that of the cross-entropy of the mean prediction.
    """
    likely = (logits / temperature[:, None]).softmax(1)
    return -likely.gather(1, labels[:, None]).squeeze(1)


def _margin(logits: Tensor, labels: Tensor, temperature: Tensor) -> Tensor:
    return margin(logits, labels)


OBJECTIVES: dict[str, Objective] = {
    "margin": _margin,
    "cross-entropy": cross_entropy,
    "probability": unlikeliness,
}
"""Objectives by name; the mean over draws is maximized."""


@dataclass(frozen=True)
class Part:
    """Some of the examples, as a search sees them.

    Attributes:
        draws: of the model with all examples.
        gradients: the same examples and model, with the gradient that is followed.
        rows: int64 (n,), the examples.
        ball: their balls.
        best: (n, C, H, W), the best images so far.
        temperature: (n,), what logits are divided by so that no probability saturates.
        gradient_draws: draws over which a gradient is averaged.
    """

    draws: Draws
    gradients: Subject
    rows: Tensor
    ball: InputBall
    best: Tensor
    temperature: Tensor
    gradient_draws: int


class Search(ABC):
    """A search, see :class:`Part`."""

    uses_gradients: ClassVar[bool] = True

    @property
    @abstractmethod
    def name(self) -> str:
        """What it does, in a few words."""

    @abstractmethod
    def find(self, part: Part) -> Tensor:
        """Images (candidates, n, C, H, W), not necessarily inside the balls."""


@dataclass(frozen=True)
class Frozen(Search):
    """The ordinary input attack on the model at one fixed draw, whose images may transfer.

    On a deterministic model it is the input attack itself.

    Attributes:
        effort: of the input attack.
    """

    effort: str

    @property
    def name(self) -> str:
        """The effort."""
        return f"input attack ({self.effort}) at one draw"

    def find(self, part: Part) -> Tensor:
        """The images of the input attack."""
        draws, some = part.draws, part.gradients.take(part.rows)
        if self.effort == "quick" and missing_image_gradients(part.gradients) is not None:
            return part.best[None]
        if draws.randomness.random:
            some = averaged(some, [draws.seed("frozen")])
        found = attack_subject(some, part.ball.norm, float(part.ball.eps), self.effort)
        return found.images[None]


@dataclass(frozen=True)
class Squares(Search):
    """The Square attack on the mean prediction over fixed draws.

    Attributes:
        effort: of the input attack with access to scores.
    """

    uses_gradients = False
    effort: str = "quick"

    @property
    def name(self) -> str:
        """What it is."""
        return "Square attack on the mean over draws"

    def find(self, part: Part) -> Tensor:
        """The images of the Square attack."""
        draws, some = part.draws, part.draws.subject.take(part.rows)
        if draws.randomness.random:
            some = averaged(some, [draws.seed("squares", k) for k in range(part.gradient_draws)])
        found = attack_subject(
            some, part.ball.norm, float(part.ball.eps), self.effort, access="scores"
        )
        return found.images[None]


@dataclass(frozen=True)
class Ascent(Search):
    """:func:`expected_ascent` on an objective.

    Attributes:
        objective: a name of :data:`OBJECTIVES`.
        steps: of the ascent.
        draws: over which gradients are averaged; ``None`` for the number of the pilot.
        start: ``"image"``, ``"best"`` or ``"random"``.
    """

    objective: str
    steps: int
    draws: int | None = None
    start: str = "best"

    @property
    def name(self) -> str:
        """Objective, start, steps and draws."""
        draws = "" if self.draws is None else f", {self.draws} draw{'s' * (self.draws != 1)} each"
        return f"EOT on {self.objective} from {self.start}, {self.steps} steps{draws}"

    def find(self, part: Part) -> Tensor:
        """The short list of the ascent."""
        evaluate = mean_over_draws(
            part, self.objective, self.draws or part.gradient_draws, self.name
        )
        start = {"image": part.ball.images, "best": part.best}.get(self.start)
        if start is None:
            keys = part.draws.subject.keys[part.rows]
            start = part.ball.points_of(keys, part.draws.seed(self.name))[IMAGES]
        found = expected_ascent(part.ball, evaluate, {IMAGES: start}, self.steps)
        filled = found.counts > 0
        points = found.points[IMAGES]
        return torch.where(filled.view(*filled.shape, 1, 1, 1), points, start)


def mean_over_draws(part: Part, objective: str, count: int, purpose: str) -> EvaluateAtStep:
    """The mean of an objective over draws, the same for every evaluation at a step.

    Where draws differ between the images of a batch, several copies of the examples share a batch.

    Args:
        part: the examples.
        objective: a name of :data:`OBJECTIVES`.
        count: number of draws.
        purpose: of the draws.
    """
    draws, subject = part.draws, part.gradients
    labels, compute = subject.labels[part.rows], OBJECTIVES[objective]
    count = count if draws.randomness.random else 1
    n = len(labels)
    copies = 1 if draws.randomness.shared else max(1, min(count, subject.batch_size // max(n, 1)))

    def evaluate(point: Point, step: int, with_gradient: bool) -> tuple[Tensor, Point]:
        images = point[IMAGES]
        values = torch.zeros(n, dtype=images.dtype, device=images.device)
        gradient = torch.zeros_like(images)
        for first in range(0, count, copies):
            times = min(copies, count - first)
            tiled = images.repeat(times, 1, 1, 1)
            arguments = labels.repeat(times), part.temperature.repeat(times)
            draws.begin(purpose, step, first)
            if with_gradient:
                forward = DifferentiableForward(subject, tiled)
                found, uphill = forward.gradient(partial(_of_logits, compute, arguments))
                gradient += uphill.view(times, *images.shape).sum(0) / count
            else:
                with torch.no_grad():
                    found = compute(subject.forward(tiled), *arguments)
            values += found.view(times, n).sum(0) / count
        return values, {IMAGES: gradient} if with_gradient else {}

    return evaluate


def _of_logits(compute: Objective, arguments: tuple[Tensor, ...], logits: Tensor) -> Tensor:
    return compute(logits, *arguments)
