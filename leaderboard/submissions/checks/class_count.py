"""Check of the number of logits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from torch import Tensor

from leaderboard.submissions.case import Case
from leaderboard.submissions.checks.check import Check
from leaderboard.submissions.finding import Finding
from models_zoo.display import shown


class ClassCount(Check):
    """There is one logit per class of the data set."""

    id = "class-count"
    title = "The number of logits is not the number of classes"
    meaning = (
        "A model of another data set, or one with a class for the background, has another number "
        "of logits. A file of weights is compared by the shape of its last layer, see "
        "[weights-mismatch](#weights-mismatch)."
    )
    fix = "Submit it for the data set it was trained for, or give it one logit per class."
    final = True

    @classmethod
    def look(cls, case: Case) -> Iterator[Finding]:
        """Count the logits."""
        logits, classes = cast("Tensor", case.first_answer).shape[1], case.image_set.classes
        if logits != classes:
            yield cls.finding(
                f"it gives {logits} logits, and {shown(case.description.dataset)} has {classes} "
                "classes"
            )
