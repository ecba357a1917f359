"""Check of whether gradients of the model can be followed."""

from __future__ import annotations

from collections.abc import Iterator

from benchmark.batteries import battery_for
from benchmark.checks import (
    gradient_free_wins,
    gradient_versus_random_search,
    inexact_gradients,
    saturated_loss,
    vanishing_gradients,
)
from benchmark.probes.checks import ChecksProbe, ChecksSettings
from leaderboard.submissions.case import Case
from leaderboard.submissions.checks.check import Check
from leaderboard.submissions.finding import Finding
from models_zoo.errors import InputError

EXAMPLES, STEPS = 32, 10

PASSES, SECONDS = 60, 20.0
"""Forward passes per image, a backward pass counted as two, and the time for them."""

EPS = 8 / 255
"""Budget of both searches if no battery says."""


class GradientMasking(Check):
    """Gradients are not masked, as far as a few seconds tell."""

    id = "gradient-masking"
    title = "Gradients are masked"
    severity = "warning"
    meaning = (
        "Attacks that follow gradients overestimate robustness where gradients vanish, are those "
        "of another function, or lead nowhere (Athalye et al. 2018). On a few examples the "
        "gradients are compared with finite differences, losses and margins are tested for "
        "gradients of zero, and a short random search is compared with a short gradient search. "
        "The probe `checks` repeats this with the battery's effort, and the input attack has "
        "searches without gradients; the board shows the flags."
    )
    fix = "Remove rounding, steps and saturating layers, or say how the model should be attacked."

    @classmethod
    def look(cls, case: Case) -> Iterator[Finding]:
        """Raise the flags of the probe ``checks``."""
        few = case.some(PASSES, SECONDS, EXAMPLES)
        if case.data is None:  # what the model predicts is right, for this purpose
            few = few.on(few.images, case.answers[: len(few)].clamp(min=0))
        flags = [
            vanishing_gradients(few),
            saturated_loss(few),
            inexact_gradients(few),
            gradient_free_wins(*gradient_versus_random_search(few, _eps(case), STEPS)),
        ]
        for flag in flags:
            if flag.raised:
                yield cls.finding(f"{flag.title}: {flag.saw}", flag.advice)


def _eps(case: Case) -> float:
    """The budget of the battery's own checks."""
    try:
        settings = battery_for(case.description.dataset).probes.get(ChecksProbe.name)
    except InputError:  # a data set of one's own
        return EPS
    return settings.eps if isinstance(settings, ChecksSettings) else EPS
