"""Check of whether the outputs are logits."""

from __future__ import annotations

from collections.abc import Iterator

from benchmark.checks import not_logits
from leaderboard.submissions.case import Case
from leaderboard.submissions.checks.check import Check
from leaderboard.submissions.finding import Finding


class SoftmaxInside(Check):
    """As :func:`benchmark.checks.not_logits`."""

    id = "softmax-inside"
    title = "A softmax inside the model"
    meaning = (
        "Rows of outputs that are probabilities or log-probabilities are not logits. "
        "Probabilities round to 0 and 1 in float32 where the model is confident; the gradients "
        "vanish, and the model looks robust to every attack that follows them."
    )
    fix = "Remove the last softmax, and export the network again."

    @classmethod
    def look(cls, case: Case) -> Iterator[Finding]:
        """Raise the flag of the probe ``checks``."""
        flag = not_logits(case.subject)
        if flag.raised:
            yield cls.finding(flag.saw)
