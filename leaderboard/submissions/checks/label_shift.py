"""Check of whether classes are counted from another number."""

from __future__ import annotations

from collections.abc import Iterator

from leaderboard.submissions.accuracy_check import labels_shifted
from leaderboard.submissions.case import Case
from leaderboard.submissions.checks.check import Check
from leaderboard.submissions.checks.class_order import best_order
from leaderboard.submissions.finding import Finding

NEARLY = 0.9
"""Share of the accuracy of the best order of the classes that a shift must have."""


class LabelShift(Check):
    """The labels counted from one more or one less do not give a clearly higher accuracy."""

    id = "label-shift"
    title = "Classes are counted from another number"
    meaning = (
        "Classes are numbered from 0. A model whose logits are shifted by one, as one that was "
        "trained with a class for the background or with labels from 1, is right about the images "
        "and wrong about nearly all numbers."
    )
    fix = "Reorder the last layer: weight = weight.roll(shift, 0), and the bias likewise."
    needs_labels = True

    @classmethod
    def look(cls, case: Case) -> Iterator[Finding]:
        """Compare the accuracy with that on shifted labels."""
        flag = labels_shifted(case.answers, case.subject.labels, case.subject.classes)
        if not flag.raised:
            return
        _, then, _ = best_order(case.answers, case.subject.labels, case.subject.classes)
        if float(flag.figure or 0) >= NEARLY * 100 * float(then.double().mean()):
            yield cls.finding(flag.saw)  # otherwise it is a part of another order
