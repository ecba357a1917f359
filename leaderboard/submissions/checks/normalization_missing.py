"""Check of whether the normalization was left out."""

from __future__ import annotations

from collections.abc import Iterator

from leaderboard.submissions.case import Case
from leaderboard.submissions.checks.check import Check
from leaderboard.submissions.finding import Finding
from leaderboard.submissions.normalizations import NONE
from leaderboard.submissions.ways import options_of


class NormalizationMissing(Check):
    """No usual normalization gives a clearly higher accuracy than none."""

    id = "normalization-missing"
    title = "The normalization is outside the model"
    meaning = (
        "Images here are in [0, 1], and a model contains its own normalization. A network without "
        "it still computes something: a ResNet-20 for CIFAR-10 has 38% instead of 92%. If no mean "
        "and deviation are given, the usual ones are tried on the examples; one that is better by "
        "at least 5 points, significant in a sign test, is named. Nothing is changed by itself."
    )
    fix = "Give mean and std, the numbers that the training code normalizes with."
    needs_labels = True

    @classmethod
    def look(cls, case: Case) -> Iterator[Finding]:
        """Compare the accuracy with and without."""
        found = case.other_normalization
        if found is not None and found.own.normalization == NONE:
            yield cls.finding(f"{found.accuracies}", f"Give {options_of(found.best)}.")
