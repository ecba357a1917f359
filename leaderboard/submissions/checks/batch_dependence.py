"""Check of whether the logits of an image depend on the other images."""

from __future__ import annotations

from collections.abc import Iterator

from benchmark.checks import batch_dependence
from leaderboard.submissions.case import Case
from leaderboard.submissions.checks.check import Check
from leaderboard.submissions.finding import Finding


class BatchDependence(Check):
    """As :func:`benchmark.checks.batch_dependence`."""

    id = "batch-dependence"
    title = "Logits depend on the rest of the batch"
    meaning = (
        "Images are classified once by themselves and once behind noise. Logits that differ come "
        "from a layer that computes statistics over the batch: batch norm in train mode, or "
        "exported in train mode. Scores would depend on the batch size."
    )
    fix = "Call model.eval() before exporting, and use batch norm with running statistics."

    @classmethod
    def look(cls, case: Case) -> Iterator[Finding]:
        """Raise the flag of the probe ``checks``."""
        flag = batch_dependence(case.few)
        if flag.raised:
            yield cls.finding(flag.saw)
