"""Checking a submission from a process that does not read its file itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from leaderboard.submissions.case import EXAMPLES
from leaderboard.submissions.description import Description
from leaderboard.submissions.finding import Verdict

TARGET = "leaderboard.submissions.validation:validate"
"""What a child process calls."""


def verdict_on(
    file: Path,
    description: Description,
    *,
    data: Path | None = None,
    data_root: Path | None = None,
    examples: int = EXAMPLES,
    own_data: bool = False,
    known: Mapping[str, str] | None = None,
    known_files: Mapping[str, str] | None = None,
    on_line: Callable[[dict[str, Any]], None] = lambda _: None,
) -> Verdict:
    """Check a submission.

    Args:
        file: the submitted file.
        description: what the submitter says.
        data: an ``.npz`` with labeled images.
        data_root: a folder of data sets, where there is no ``data``.
        examples: maximum number of images.
        own_data: whether the images may be unlike those of the data set.
        known: fingerprints of the functions of other models by name.
        known_files: names of other models by the SHA-256 of their files.
        on_line: called with each line of progress, see
            :func:`leaderboard.submissions.validation.validate`.

    Raises:
        InputError: the images cannot be read.
    """
    from leaderboard.submissions.validation import validate

    request = {
        "description": description.model_dump(mode="json"),
        "file_name": file.name,
        "examples": examples,
        "own_data": own_data,
        "known": dict(known or {}),
        "known_files": dict(known_files or {}),
    }
    given = {"checkpoint": file, "data": data, "data_root": data_root}
    files = {name: path for name, path in given.items() if path is not None}
    return Verdict.model_validate(validate(request, files, on_line))
