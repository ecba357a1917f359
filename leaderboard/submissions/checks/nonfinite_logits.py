"""Check of whether logits are finite, on images and around them."""

from __future__ import annotations

from collections.abc import Iterator

from benchmark.checks import non_finite_outputs
from leaderboard.submissions.case import Case
from leaderboard.submissions.checks.check import Check
from leaderboard.submissions.finding import Finding


class NonFiniteLogits(Check):
    """As :func:`benchmark.checks.non_finite_outputs`."""

    id = "nonfinite-logits"
    title = "Logits that are NaN or infinite"
    meaning = (
        "The images, the same images under noise, random images and corners of the box [0, 1] are "
        "classified. An image without finite logits has no class, so that every score that counts "
        "it is meaningless."
    )
    fix = "Find where the network divides by zero or overflows."

    @classmethod
    def look(cls, case: Case) -> Iterator[Finding]:
        """Raise the flag of the probe ``checks``."""
        flag = non_finite_outputs(case.few)
        if flag.raised:
            yield cls.finding(flag.saw)
