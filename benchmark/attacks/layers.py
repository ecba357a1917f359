"""The weight attack on one layer at a time: where is a network fragile?"""

from __future__ import annotations

from torch import Tensor

from benchmark.ascent import apgd
from benchmark.attacks.watching import Watched
from benchmark.attacks.weights import FIRST_STEP, WeightBudget, verified_weights
from benchmark.objectives import probability_margin
from benchmark.spaces import WeightBall, by_layer
from benchmark.subject import Subject


def attack_layers(subject: Subject, radius: float, budget: WeightBudget) -> dict[str, Tensor]:
    """What stands when the tensors of one layer move and all others stay, layer by layer.

    A layer is a module with parameters of its own that the budget's rule lets move. It is climbed
    once, from its own weights; the iterate with the fewest correct examples counts.

    Args:
        subject: model and examples.
        radius: of the layer's ball, in the unit of the budget's geometry.
        budget: geometry, rule and steps.

    Returns:
        Bool (N,) by layer, in the order the model names them.
    """
    weights = subject.weights_that_move(budget.rule)
    standing: dict[str, Tensor] = {}
    for layer, names in by_layer(weights).items():
        ball = WeightBall({name: weights[name] for name in names}, radius, budget.geometry)
        watched = Watched(subject, probability_margin)
        steps = budget.steps if radius > 0 else 0
        apgd(ball, watched, ball.origin, steps, first_step=FIRST_STEP)
        standing[layer] = verified_weights(subject, ball, watched.point).robust
        subject.progress(f"layer {layer}: {standing[layer].double().mean():.1%} stand")
    return standing
