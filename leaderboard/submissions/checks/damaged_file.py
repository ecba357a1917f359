"""Check of whether the file is whole and consistent."""

from __future__ import annotations

from collections.abc import Iterator

from leaderboard.submissions.case import Case
from leaderboard.submissions.checks.check import Check
from leaderboard.submissions.finding import Finding
from models_zoo.checkpoint.stored import DamagedError
from models_zoo.errors import InputError, reason_of


class DamagedFile(Check):
    """The structure of the file is consistent: sizes, offsets, checksums."""

    id = "damaged-file"
    title = "The file is truncated, damaged or inconsistent"
    meaning = (
        "Sizes, shapes and offsets in a safetensors header must cover the file exactly. An archive "
        "of `torch.save` may not have compressed, encrypted, duplicated or overlapping parts, and "
        "its checksums must be right, so that reading it takes no more memory than its size."
    )
    fix = "Download or save the file again."
    final = True

    @classmethod
    def look(cls, case: Case) -> Iterator[Finding]:
        """Read the header or the directory."""
        if case.is_graph:
            return
        try:
            _ = case.content
        except (DamagedError, InputError) as error:
            yield cls.finding(f"{case.called}: {reason_of(error)}")
        except Exception as error:  # a damaged or hostile file can fail anywhere in the reader
            yield cls.finding(
                f"{case.called}: it cannot be followed to its end ({reason_of(error)})"
            )
