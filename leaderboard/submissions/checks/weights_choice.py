"""Check of whether the file holds one set of named tensors."""

from __future__ import annotations

from collections.abc import Iterator

from leaderboard.submissions.case import Case
from leaderboard.submissions.checks.check import Check
from leaderboard.submissions.finding import Finding


class WeightsChoice(Check):
    """There are named tensors, and it is clear which of several sets is meant."""

    id = "weights-choice"
    title = "No weights, or several sets of weights"
    meaning = (
        "Training scripts save weights along with other things. The trained weights are found by "
        "the usual names (`state_dict`, `model`, ...); if several sets may be meant, "
        "the submission has to say which."
    )
    fix = "Save model.state_dict() alone, or name the set with weights = 'ema' (--weights)."
    final = True

    @classmethod
    def look(cls, case: Case) -> Iterator[Finding]:
        """Search the content for dictionaries of tensors."""
        if not case.is_graph:
            yield from cls.raised_by(lambda: case.choice)
