"""Check of whether the architecture can be built for the images."""

from __future__ import annotations

from collections.abc import Iterator

from leaderboard.submissions.case import Case
from leaderboard.submissions.checks.check import Check
from leaderboard.submissions.finding import Finding


class ArchitectureUnknown(Check):
    """The name is in the registry, its arguments are right and it takes the images."""

    id = "architecture-unknown"
    title = "The architecture cannot be built"
    meaning = (
        "The architecture is built from its name and arguments, for images and classes of the data "
        "set. `nonsingular models` and the page on the zoo list the names; those of torchvision, "
        "timm and RobustBench have the library's name in front."
    )
    fix = "Check the name and its arguments, and that it takes images of the data set's size."
    final = True

    @classmethod
    def look(cls, case: Case) -> Iterator[Finding]:
        """Build the network without storage for its weights."""
        if not case.is_graph:
            yield from cls.raised_by(lambda: case.skeleton)
