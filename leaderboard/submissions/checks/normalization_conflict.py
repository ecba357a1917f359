"""Check of whether the given normalization agrees with that of the file."""

from __future__ import annotations

from collections.abc import Iterator

from leaderboard.submissions.case import Case
from leaderboard.submissions.checks.check import Check
from leaderboard.submissions.finding import Finding


class NormalizationConflict(Check):
    """A mean and deviation that are stored with the weights are those that are given."""

    id = "normalization-conflict"
    title = "Two normalizations that contradict each other"
    meaning = (
        "Some files hold the normalization among the weights (`normalize.mean`, `mu`, ...). It is "
        "used if none is given; if another one is given, one of them is wrong. Numbers for images "
        "from 0 to 255 are refused too: images here are in [0, 1]."
    )
    fix = "Leave mean and std out, or give those of the file."
    final = True

    @classmethod
    def look(cls, case: Case) -> Iterator[Finding]:
        """Compare both."""
        if not case.is_graph:
            yield from cls.raised_by(lambda: case.card)
