"""Check of the clean accuracy against the usual one of the architecture."""

from __future__ import annotations

from collections.abc import Iterator

from leaderboard.submissions.accuracy_check import below_usual
from leaderboard.submissions.case import Case
from leaderboard.submissions.checks.check import Check
from leaderboard.submissions.finding import Finding


class AccuracyUsual(Check):
    """The clean accuracy is not far below that of standard training."""

    id = "accuracy-usual"
    title = "Clean accuracy far below the architecture's usual one"
    severity = "warning"
    meaning = (
        "For some architectures the accuracy of standard training is published. Robust training "
        "costs accuracy, but 142 of the 143 models that RobustBench lists for CIFAR-10 lose less "
        "than 20 points; a larger shortfall is more often a wrong normalization or layout."
    )
    fix = "Check mean and std and the order of channels; if they are right, nothing has to be done."
    needs_labels = True

    @classmethod
    def look(cls, case: Case) -> Iterator[Finding]:
        """Compare both."""
        right, n = case.score
        flag = below_usual(right, n, case.model.card)
        if flag is not None and flag.raised:
            yield cls.finding(flag.saw)
