"""Check of whether another normalization fits better."""

from __future__ import annotations

from collections.abc import Iterator

from leaderboard.submissions.case import Case
from leaderboard.submissions.checks.check import Check
from leaderboard.submissions.finding import Finding
from leaderboard.submissions.normalizations import NONE
from leaderboard.submissions.ways import options_of


class NormalizationOther(Check):
    """No usual normalization gives a clearly higher accuracy than the given one."""

    id = "normalization-other"
    title = "Another normalization gives a higher accuracy"
    meaning = (
        "As [normalization-missing](#normalization-missing), where a mean and deviation were "
        "given: the ones of another data set, or for images in another range."
    )
    fix = "Give the mean and std that the training code normalizes with."
    needs_labels = True

    @classmethod
    def look(cls, case: Case) -> Iterator[Finding]:
        """Compare the accuracy with that under the usual normalizations."""
        found = case.other_normalization
        if found is not None and found.own.normalization != NONE:
            yield cls.finding(f"{found.accuracies}", f"Give {options_of(found.best)}.")
