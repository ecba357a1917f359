"""Check of the stated robust accuracy against the clean accuracy."""

from __future__ import annotations

from collections.abc import Iterator

from benchmark.checks.accuracy import upper_accuracy
from leaderboard.submissions.case import Case
from leaderboard.submissions.checks.check import Check
from leaderboard.submissions.finding import Finding


class RobustClaim(Check):
    """The stated robust accuracy is not above what the clean accuracy can be."""

    id = "robust-claim"
    title = "Robust accuracy is stated above the clean accuracy"
    severity = "warning"
    meaning = (
        "An example that is misclassified without an attack is not robust, so that robust accuracy "
        "is at most the clean accuracy. The stated figure is compared with the upper end of a "
        "one-sided 99% interval of the measured one. After scoring, the board shows the stated "
        "robust accuracy beside the measured one."
    )
    fix = (
        "Correct the stated figure; count an example as robust only if it is right without attack."
    )
    needs_labels = True

    @classmethod
    def look(cls, case: Case) -> Iterator[Finding]:
        """Compare both."""
        claimed = case.description.claims.robust_accuracy
        if claimed is None:
            return
        right, n = case.score
        most = upper_accuracy(right, n)
        if claimed > most:
            yield cls.finding(
                f"robust accuracy {claimed:.1%} is stated, and clean accuracy is "
                f"{right / n:.1%} on {n} examples, at most {most:.1%}"
            )
