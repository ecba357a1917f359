"""Results of the searches over weights at a battery's settings, with a multiple of the steps."""

from __future__ import annotations

from collections.abc import Callable

from benchmark.attacks.weights import search_weights, weight_ball
from benchmark.batteries import Battery
from benchmark.measures.flatness import worst_flatness
from benchmark.measures.robust_loss import RobustLoss
from benchmark.probes.flatness import FlatnessSettings
from benchmark.probes.weight import WeightSettings
from benchmark.subject import Subject
from benchmark.threats import WeightThreat
from models_zoo.errors import InputError

Values = dict[tuple[str, str], float]
"""Values by kind and by what they are at, such as ``("weight loss", "relative-l2 0.02")``."""

Question = Callable[[Subject, Battery, int], Values]


def weight_values(subject: Subject, battery: Battery, factor: int) -> Values:
    """Loss and accuracy of the weight attack at all its radii."""
    settings = battery.probes.get("weight")
    if not isinstance(settings, WeightSettings):
        raise InputError(f"battery {battery.name} has no weight probe")
    searches = [(settings.threats, settings.steps)]
    for geometry, ball in settings.also.items():
        threats = [WeightThreat(geometry, radius, settings.rule) for radius in ball.radii]
        searches.append((threats, ball.steps))
    values: Values = {}
    for threats, steps in searches:
        found = search_weights(subject, threats, factor * steps)
        for threat, worst in zip(threats, found, strict=True):
            at = f"{threat.geometry} {threat.radius:g}"
            values["weight loss", at] = float(worst.losses.double().mean())
            values["weight accuracy", at] = float(worst.lowest.robust.double().mean())
    return values


def flatness_values(subject: Subject, battery: Battery, factor: int) -> Values:
    """Worst-case flatness at its radii, clean and robust, on the examples the probe takes."""
    settings = battery.probes.get("flatness")
    if not isinstance(settings, FlatnessSettings):
        raise InputError(f"battery {battery.name} has no flatness probe")
    some = subject.head(settings.examples)
    losses = {
        "robust": RobustLoss(settings.eps, settings.attack_steps),
        "clean": RobustLoss(0.0),
    }
    values: Values = {}
    radii = sorted({*settings.worst_radii, settings.worst_radius})
    balls = [weight_ball(some, settings.threat(radius)) for radius in radii]
    for name, loss in losses.items():
        found = worst_flatness(
            some,
            loss,
            balls,
            restarts=settings.restarts,
            epochs=factor * settings.epochs,
            minibatch=settings.minibatch,
        )
        for radius, worst in zip(radii, found, strict=True):
            values["worst-case flatness", f"{name}, {radius:g}"] = float(worst.increase.loss)
    return values


QUESTIONS: dict[str, Question] = {"weight": weight_values, "flatness": flatness_values}
"""``(subject, battery, factor)`` to values, at ``factor`` times the battery's steps."""
