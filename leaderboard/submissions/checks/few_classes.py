"""Check of whether all attacks can be made."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from torch import Tensor

from leaderboard.submissions.case import Case
from leaderboard.submissions.checks.check import Check
from leaderboard.submissions.finding import Finding

LEAST = 4
"""Smallest number of logits of AutoAttack's targeted loss, the difference of logits ratio."""


class FewClasses(Check):
    """The targeted attacks of AutoAttack need four classes."""

    id = "few-classes"
    title = "Fewer than four classes"
    severity = "warning"
    meaning = (
        "AutoAttack's targeted loss divides by the difference of the largest and the mean of the "
        "third and fourth largest logit, so that it does not exist for fewer than four classes. "
        "Probes that need it are left out, and robust accuracy comes from the other attacks: it "
        "may be higher than with all of them. A model with two logits of which one is constant is "
        "no exception."
    )
    fix = "Nothing, if the task has so few classes; state which attacks were made when you compare."

    @classmethod
    def look(cls, case: Case) -> Iterator[Finding]:
        """Count the logits."""
        logits = cast("Tensor", case.first_answer).shape[1]
        if logits < LEAST:
            yield cls.finding(f"it has {logits} classes; targeted attacks need {LEAST}")
