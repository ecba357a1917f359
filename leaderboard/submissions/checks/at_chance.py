"""Check of whether the model is better than guessing."""

from __future__ import annotations

from collections.abc import Iterator

from benchmark.statistics import proportion
from leaderboard.submissions.case import Case
from leaderboard.submissions.checks.check import Check
from leaderboard.submissions.finding import Finding


class AtChance(Check):
    """Clean accuracy is above chance."""

    id = "at-chance"
    title = "Clean accuracy is that of guessing"
    meaning = (
        "The lower end of the 95% interval of the clean accuracy must be above one in the number "
        "of classes. A model below it was loaded incorrectly, or for other images; its robustness "
        "would be meaningless. If another normalization, order of channels, order of classes or "
        "layout of the weights explains it, there is a finding about that too."
    )
    fix = "Check mean and std, the order of channels and classes, and the architecture."
    needs_labels = True

    @classmethod
    def look(cls, case: Case) -> Iterator[Finding]:
        """Compare the interval with chance."""
        score = proportion(case.right.cpu().numpy())
        chance = 1 / case.subject.classes
        if score.low <= chance:
            yield cls.finding(
                f"clean accuracy {score.value:.1%} on {score.n} examples is not above chance "
                f"({chance:.1%})"
            )
