"""Check of the measured clean accuracy against the stated one."""

from __future__ import annotations

from collections.abc import Iterator

from benchmark.checks import below_card
from benchmark.checks.accuracy import upper_accuracy
from leaderboard.submissions.case import Case
from leaderboard.submissions.checks.check import Check
from leaderboard.submissions.finding import Finding


class AccuracyClaim(Check):
    """The clean accuracy is compatible with what the submitter states."""

    id = "accuracy-claim"
    title = "Clean accuracy below the stated one"
    meaning = (
        "The upper end of a one-sided 99% interval (Clopper and Pearson) of the accuracy on the "
        "examples may be at most 2 points below the stated figure. A shortfall means that the "
        "model that was loaded is not the model that was measured: most often the normalization, "
        "the architecture's variant or the set of weights is another one."
    )
    fix = "Check mean and std, the architecture and the weights; or correct the stated figure."
    needs_labels = True

    @classmethod
    def look(cls, case: Case) -> Iterator[Finding]:
        """Compare both."""
        claimed = case.description.claims.clean_accuracy
        if claimed is None:
            return
        right, n = case.score
        if below_card(right, n, claimed).raised:
            yield cls.finding(
                f"clean accuracy {right / n:.1%} on {n} examples, at most "
                f"{upper_accuracy(right, n):.1%} (one-sided 99% interval), and "
                f"{claimed:.1%} is stated"
            )
