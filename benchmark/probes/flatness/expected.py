"""How many passes flatness takes, counted from its settings."""

from __future__ import annotations

from benchmark.probes.flatness.settings import FlatnessSettings
from benchmark.work import Work

SHARE_OF_LANCZOS = 0.78
"""Usual share of the steps for the Hessians' largest eigenvalues that are taken, which end where
these are known."""

FURTHER_PASSES = 12
"""Passes per example of the measures without second derivatives."""


def flatness_work(settings: FlatnessSettings, examples: int, batch_size: int) -> Work:
    """Passes of the attacks, of the ascents and of the products with the Hessians.

    Args:
        settings: of the probe.
        examples: number of all examples.
        batch_size: images per batch.
    """
    some = min(settings.examples, examples)
    few = min(settings.measure_examples, some)
    passes = float((average_passes(settings) + worst_passes(settings)) * some)
    products = 2 * (SHARE_OF_LANCZOS * settings.lanczos_steps + settings.trace_draws)
    passes += (3 * products + FURTHER_PASSES) * few
    return Work.in_batches(passes, min(some, batch_size))


def average_passes(settings: FlatnessSettings) -> int:
    """Passes per example of the average case; the calibrated loss has one radius."""
    radii = len({*settings.average_radii, settings.average_radius})
    clean = radii * settings.draws
    if not settings.eps > 0:
        return clean
    attacks = (radii + 1) * settings.draws + 2  # with those at the unperturbed weights
    return attacks * (_ascent(settings.attack_steps) + 1) + clean


def worst_passes(settings: FlatnessSettings) -> int:
    """Passes per example of the worst case: the widest ascent, then one per ball, all halved.

    The clean loss takes half as many steps. The robust and the calibrated loss, which has one
    ball, end with attacks on shared images at all weights
    (:func:`benchmark.measures.flatness.compare`).
    """
    epochs, again = settings.epochs, (settings.epochs + 1) // 2
    balls = len({*settings.worst_radii, settings.worst_radius})
    further = settings.restarts - 1
    passes = _ascent((epochs + 1) // 2) + balls * (_ascent((again + 1) // 2) + 1)
    passes += balls * further * (_ascent((epochs + 1) // 2) + 1)
    last = _ascent(max(settings.attack_steps // 2, 1)) + 1
    for visited in (balls, 1) if settings.eps > 0 else ():
        passes += _ascent(epochs) + visited * (_ascent(again) + 3) + _ascent(again) + 1
        passes += visited * further * (_ascent(epochs) + 3)
        places = visited + 1
        passes += places * last + 2 * places * (places + 1) + visited
    return passes


def _ascent(steps: int) -> int:
    """Passes per example of an ascent, which evaluates its start as well."""
    return 2 * (steps + 1)
