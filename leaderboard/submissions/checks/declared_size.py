"""Check of whether the tensors need far more memory than the file has bytes."""

from __future__ import annotations

from collections.abc import Iterator

from leaderboard.submissions.case import Case
from leaderboard.submissions.checks.check import Check
from leaderboard.submissions.finding import Finding
from models_zoo.checkpoint.inspection import EXTRA, ROOM
from models_zoo.checkpoint.stored import Stored


class DeclaredSize(Check):
    """The numbers that the tensors describe are about as many as the file holds."""

    id = "declared-size"
    title = "The file describes more numbers than it holds"
    meaning = (
        "A tensor with a stride of zero repeats one number as often as its shape says, so that a "
        "file of a kilobyte can ask for terabytes. The weights as float32 may take at most 64 MiB "
        "and 16 times the size of the file."
    )
    fix = "Save contiguous tensors: {name: value.contiguous() for name, value in weights.items()}."
    final = True

    @classmethod
    def look(cls, case: Case) -> Iterator[Finding]:
        """Count the numbers that the shapes describe."""
        if case.is_graph:
            return
        tensors = case.choice.tensors.values()
        count = sum(each.numel for each in tensors if isinstance(each, Stored))
        if 4 * count > ROOM + EXTRA * case.file.size:
            yield cls.finding(
                f"{case.called} describes {count:,} numbers in {case.file.size:,} bytes"
            )
