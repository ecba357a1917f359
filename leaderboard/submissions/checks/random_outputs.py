"""Check of whether the same images have the same logits again."""

from __future__ import annotations

from collections.abc import Iterator

from benchmark.checks import random_outputs
from benchmark.random_models import random_advice
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
        "the next time. Randomized defenses are scored by batteries of their own, such as "
        "digits-randomized-v1 and cifar10-randomized-v1, with expectations over many passes "
        "(docs/probes/randomized.md); they cannot be submitted yet."
    )
    fix = (
        "Put dropout and noise layers into eval mode, or fix their numbers and say so; or score it "
        "yourself with nonsingular bench and a battery for random models."
    )

    @classmethod
    def look(cls, case: Case) -> Iterator[Finding]:
        """Raise the flag of the probe ``checks``."""
        flag = random_outputs(case.few)
        if flag.raised:
            advice = random_advice(case.description.dataset)
            yield cls.finding(f"{flag.saw} {advice[0].upper()}{advice[1:]}.")
