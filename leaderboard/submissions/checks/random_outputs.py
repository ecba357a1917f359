"""Check of whether the same images have the same logits again."""

from __future__ import annotations

from collections.abc import Iterator

from benchmark.checks import random_outputs
from leaderboard.submissions.case import Case
from leaderboard.submissions.checks.check import Check
from leaderboard.submissions.finding import Finding


class RandomOutputs(Check):
    """As :func:`benchmark.checks.random_outputs`."""

    id = "random-outputs"
    title = "The forward pass is random"
    meaning = (
        "Two passes over the same images must give the same logits up to rounding, whether the "
        "random numbers come from the global generator or from one of its own. The outcome of an "
        "attack on a random model is no proof: an image that was misclassified once may be right "
        "the next time. Randomized defenses need another protocol."
    )
    fix = "Put dropout and noise layers into eval mode, or fix their numbers and say so."

    @classmethod
    def look(cls, case: Case) -> Iterator[Finding]:
        """Raise the flag of the probe ``checks``."""
        flag = random_outputs(case.few)
        if flag.raised:
            yield cls.finding(flag.saw)
