"""Check of the size of the file."""

from __future__ import annotations

from collections.abc import Iterator

from leaderboard.submissions.case import Case
from leaderboard.submissions.checks.check import Check
from leaderboard.submissions.finding import Finding
from models_zoo.errors import InputError, shown


class FileSize(Check):
    """The file is a regular one, not empty, and within the limit."""

    id = "file-size"
    title = "The file cannot be read, is empty or too large"
    meaning = (
        "The file must be a regular file of at least one byte and at most 4 GiB, or what the "
        "environment variable `NONSINGULAR_FILE_LIMIT` of the installation says."
    )
    fix = "Save the weights alone, without the state of the optimizer, or as float16."
    final = True

    @classmethod
    def look(cls, case: Case) -> Iterator[Finding]:
        """Open the file, and read it into memory, once, if it is of an accepted kind."""
        try:
            _ = case.opened
        except InputError as error:
            own = shown(case.path)
            yield cls.finding(str(error).replace(own, shown(case.name)))
