"""The loss along random directions in weight space, with an attack at every point.

Source: the landscape protocol of Wu, Xia & Wang 2020, "Adversarial weight perturbation helps robust
generalization", NeurIPS: ``g(alpha) = mean_n max_d CE(f(x_n + d; w + alpha v), y_n)``. Adversarial
examples from ``alpha = 0`` would give a curve that is flatter than the loss.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from benchmark.landscape.directions import filter_normalized, moved
from benchmark.landscape.results import LossCurves, LossGrid
from benchmark.measures.robust_loss import RobustLoss
from benchmark.spaces import Point
from benchmark.subject import Subject

Tick = Callable[[], None]
"""Called after every point that was measured."""


def even(points: int, extent: float = 1.0) -> list[float]:
    """An odd number of evenly spaced values from ``-extent`` to ``extent``, with an exact 0."""
    half = (points - 1) // 2
    return [extent * place / half for place in range(-half, half + 1)]


def loss_curves(
    subject: Subject, loss: RobustLoss, alphas: Sequence[float], directions: int, tick: Tick
) -> LossCurves:
    """Robust and clean mean loss along each of several random directions.

    Args:
        subject: model and examples.
        loss: the robust loss.
        alphas: where along a direction, ascending, 0 among them.
        directions: number of directions.
        tick: called after every point.
    """
    plane = _Plane(subject, loss, tick)
    robust, clean = [], []
    for number in range(directions):
        direction = plane.direction(number)
        pairs = [plane.losses((alpha, direction)) for alpha in alphas]
        robust.append([pair[0] for pair in pairs])
        clean.append([pair[1] for pair in pairs])
    return LossCurves(alphas=list(alphas), robust=robust, clean=clean)


def loss_grid(subject: Subject, loss: RobustLoss, alphas: Sequence[float], tick: Tick) -> LossGrid:
    """Robust and clean mean loss in the plane of the first two of the same directions.

    Args:
        subject: model and examples.
        loss: the robust loss.
        alphas: where along either direction, ascending, 0 among them.
        tick: called after every point.
    """
    plane = _Plane(subject, loss, tick)
    first, second = plane.direction(0), plane.direction(1)
    pairs = [[plane.losses((alpha, first), (beta, second)) for alpha in alphas] for beta in alphas]
    return LossGrid(
        alphas=list(alphas),
        robust=[[pair[0] for pair in row] for row in pairs],
        clean=[[pair[1] for pair in row] for row in pairs],
    )


class _Plane:
    """Measures points; at 0 with the model's own weights."""

    def __init__(self, subject: Subject, loss: RobustLoss, tick: Tick) -> None:
        self.subject, self.tick = subject, tick
        self.kinds = (loss, RobustLoss(0.0))
        self.weights = subject.weights_that_move("kernels")

    def direction(self, number: int) -> Point:
        generator = self.subject.generator("landscape", "direction", number)
        return filter_normalized(self.weights, generator)

    def losses(self, *steps: tuple[float, Point]) -> tuple[float, float]:
        """Robust and clean mean loss at a point."""
        taken = [step for step in steps if step[0]]
        here = self.subject.at(moved(self.weights, *taken)) if taken else self.subject
        robust, clean = (float(kind(here).losses.double().mean()) for kind in self.kinds)
        self.tick()
        return robust, clean
