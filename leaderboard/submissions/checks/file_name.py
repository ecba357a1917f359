"""Check of whether the name of the file says what it is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from leaderboard.submissions.case import Case
from leaderboard.submissions.checks.check import Check
from leaderboard.submissions.file_kind import SUFFIXES
from leaderboard.submissions.finding import Finding
from models_zoo.display import shown


class FileName(Check):
    """The suffix is one of the usual ones of the format."""

    id = "file-name"
    title = "The name of the file is that of another format"
    severity = "note"
    meaning = (
        "The file is read as what its content is. Others who load it by its name will try to read "
        "it as something else."
    )
    fix = "Rename the file."

    @classmethod
    def look(cls, case: Case) -> Iterator[Finding]:
        """Compare the suffix with those of the format."""
        kind = case.kind
        usual = SUFFIXES[kind.format] if kind.format else ()
        suffix = Path(case.name).suffix.lower()
        if suffix and usual and suffix not in usual:
            yield cls.finding(
                f"{case.called} is {kind.name}, and its name ends in {shown(suffix)}",
                f"Rename it to end in {usual[0]}.",
            )
