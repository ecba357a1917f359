"""What the searches over weights find at a battery's settings, with some times the steps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from benchmark.attacks.weights import search_ladder
from benchmark.batteries import Battery
from benchmark.measures.flatness import Worst, worst_flatness
from benchmark.measures.robust_loss import RobustLoss
from benchmark.probes.flatness import FlatnessSettings
from benchmark.probes.weights import WeightSettings
from benchmark.subject import Subject
from models_zoo.errors import InputError

Question = Callable[[Subject, Battery, int], dict[str, float]]


def weight_values(subject: Subject, battery: Battery, factor: int) -> dict[str, float]:
    """Loss and accuracy of the weight attack over all its ladders."""
    settings = battery.probes.get("weight")
    if not isinstance(settings, WeightSettings):
        raise InputError(f"battery {battery.name} has no weight probe")
    ladders = {settings.budget: settings.radii}
    for geometry, ball in settings.also.items():
        ladders[replace(settings.budget, geometry=geometry, steps=ball.steps)] = ball.radii
    values = {}
    for budget, radii in ladders.items():
        longer = replace(budget, steps=factor * budget.steps)
        for radius, rung in zip(radii, search_ladder(subject, radii, longer), strict=True):
            at = f"{budget.geometry} {radius:g}"
            values[f"weight loss, {at}"] = float(rung.losses.double().mean())
            values[f"weight accuracy, {at}"] = float(rung.lowest.robust.double().mean())
    return values


def flatness_values(subject: Subject, battery: Battery, factor: int) -> dict[str, float]:
    """Worst-case flatness over its ladder, clean and robust, on the examples the probe takes."""
    settings = battery.probes.get("flatness")
    if not isinstance(settings, FlatnessSettings):
        raise InputError(f"battery {battery.name} has no flatness probe")
    some = subject.head(settings.examples)
    losses = {
        "robust": RobustLoss(settings.eps, settings.input_steps),
        "clean": RobustLoss(0.0),
    }
    values = {}
    for name, loss in losses.items():
        found: Worst | None = None
        for radius in sorted({*settings.worst_radii, settings.worst_radius}):
            found = worst_flatness(
                some,
                loss,
                settings.budget.ball(some, radius),
                restarts=settings.restarts,
                epochs=factor * settings.epochs,
                minibatch=settings.minibatch,
                smaller=found,
            )
            values[f"worst-case flatness, {name}, {radius:g}"] = float(found.rise.loss)
    return values


QUESTIONS: dict[str, Question] = {"weight": weight_values, "flatness": flatness_values}
"""``(subject, battery, factor)`` to named values, at so many times the battery's steps."""
