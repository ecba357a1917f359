"""The weight attack on one layer at a time: which layers are sensitive?"""

from __future__ import annotations

from torch import Tensor

from benchmark.ascent import apgd
from benchmark.attacks.fewest_correct import FewestCorrect
from benchmark.attacks.weights import FIRST_STEP, verified_weights
from benchmark.objectives import probability_margin
from benchmark.spaces import WeightBall, by_layer
from benchmark.subject import Subject
from benchmark.threats import WeightThreat


def attack_layers(subject: Subject, threat: WeightThreat, steps: int) -> dict[str, Tensor]:
    """Which examples are robust when a single layer is perturbed, per layer.

    A layer is a module with parameters of its own that the threat's rule lets move. One ascent per
    layer starts at its own weights; the iterate with the fewest correct examples counts.

    Args:
        subject: model and examples.
        threat: the ball, around one layer at a time.
        steps: APGD steps of each ascent.

    Returns:
        Bool (N,) by layer, in the order of the model's parameters.
    """
    weights = subject.weights_that_move(threat.rule)
    robust: dict[str, Tensor] = {}
    for layer, names in by_layer(weights).items():
        ball = WeightBall({name: weights[name] for name in names}, threat.radius, threat.geometry)
        watched = FewestCorrect(subject, probability_margin)
        apgd(
            ball,
            watched,
            ball.origin,
            steps if threat.radius > 0 else 0,
            first_step=FIRST_STEP,
        )
        robust[layer] = verified_weights(subject, ball, watched.point).robust
        subject.progress(f"layer {layer}: {robust[layer].double().mean():.1%} robust")
    return robust
