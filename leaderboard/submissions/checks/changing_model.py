"""Check of whether the network changes when it is called."""

from __future__ import annotations

from collections.abc import Iterator

from leaderboard.submissions.case import Case
from leaderboard.submissions.checks.check import Check
from leaderboard.submissions.finding import Finding
from models_zoo.errors import InputError


class ChangingModel(Check):
    """Calling the network in eval mode changes none of its tensors."""

    id = "changing-model"
    title = "The network changes when it is called"
    meaning = (
        "Every score would be about another network. It happens to batch norm that keeps "
        "collecting statistics, as in train mode, and to networks that count their calls."
    )
    fix = "Export the network in eval mode; remove what writes to its buffers."
    final = True

    @classmethod
    def look(cls, case: Case) -> Iterator[Finding]:
        """Call it with all images, and compare its state before and after."""
        try:
            case.subject.logits()
            case.subject.require_unchanged()
        except InputError as error:
            yield cls.finding(error)
