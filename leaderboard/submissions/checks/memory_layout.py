"""Check of whether weights were copied in another memory layout."""

from __future__ import annotations

from collections.abc import Iterator

from leaderboard.submissions.case import Case
from leaderboard.submissions.checks.check import Check
from leaderboard.submissions.finding import Finding
from leaderboard.submissions.layouts import layouts
from leaderboard.submissions.ways import SCREENING_EXAMPLES, clearly_better, percent
from models_zoo.errors import InputError

SECONDS = 20.0
"""Time for all rearrangements on the first examples."""


class MemoryLayout(Check):
    """No usual rearrangement of the weights gives a clearly higher accuracy."""

    id = "memory-layout"
    title = "Weights in another memory layout"
    meaning = (
        "Weights of another library have other layouts: TensorFlow's convolutions are (height, "
        "width, in, out), its dense layers (in, out), and it flattens images with the channels "
        "last. Copied by `reshape` instead of `transpose`, or where a matrix is square, they load "
        "without an error and are wrong. If the clean accuracy is too low, the usual "
        "rearrangements of convolutions, linear layers and the first layer after the flattening "
        "are tried on the examples, and one that is clearly better is named."
    )
    fix = "Convert the weights with transpose or permute, not with reshape or view."
    needs_labels = True

    @classmethod
    def look(cls, case: Case) -> Iterator[Finding]:
        """Try rearrangements of all weights at once."""
        found = case.comparison
        if not case.doubtful or (found is not None and found.better):
            return  # it is as accurate as it should be, or a normalization explains it
        turned = list(layouts(case.network))
        few = case.some(len(turned), SECONDS, SCREENING_EXAMPLES)
        tried = []
        for layout in turned:
            moved = {f"network.{name}": value for name, value in layout.weights.items()}
            try:
                tried.append((few.at(moved).correct(), layout, moved))
            except InputError:  # it cannot be called with them
                continue
        if not tried:
            return
        _, layout, moved = max(tried, key=lambda each: int(each[0].sum()))
        then = case.subject.at(moved).correct()
        if clearly_better(then, case.right, case.subject.classes, len(tried)):
            yield cls.finding(
                f"accuracy {percent(case.right)} as it is, {percent(then)} on {len(then)} examples "
                f"if {layout.text}",
                f"Convert the weights so: {layout.how}.",
            )
