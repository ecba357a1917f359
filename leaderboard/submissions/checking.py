"""Checking a submission from a process that does not read its file itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from leaderboard.sandbox import VALIDATION, Level, Limits, SandboxError, run_sandboxed
from leaderboard.sandbox.limits import GIB
from leaderboard.submissions.case import EXAMPLES
from leaderboard.submissions.description import Description
from leaderboard.submissions.finding import PAGE, Finding, Verdict
from models_zoo.display import cut, printable, shown
from models_zoo.errors import InputError

LIMITS = replace(VALIDATION, seconds=600.0, memory=4 * GIB)
"""Of the checks on the submitter's own machine: more than a server gives a stranger."""

CONTAINED = "checks-not-finished"
"""Id of the finding where the child was ended: it is about no one check."""

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
    limits: Limits = LIMITS,
    level: Level | None = None,
) -> Verdict:
    """Check a submission in a sandboxed child.

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
        limits: of the child.
        level: of its isolation; by default the best of this machine.

    Raises:
        InputError: there is no such file, or the images cannot be read.
    """
    if not file.is_file():
        raise InputError(f"checkpoint {shown(file)} does not exist or is no file; check the path")
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
    try:
        found = run_sandboxed(
            TARGET, request, files=files, limits=limits, level=level, on_line=on_line
        )
    except SandboxError as error:
        return Verdict(findings=(_contained(error),))
    return Verdict.model_validate(found)


def _contained(error: SandboxError) -> Finding:
    """The finding about a file whose checks did not end by themselves."""
    return Finding(
        id=CONTAINED,
        severity="refused",
        title="The checks did not end",
        saw=cut(printable(str(error)), 2000),
        fix="Submit a smaller network or a simpler file; a limit of the checks was reached.",
        page=f"{PAGE}#{CONTAINED}",
    )
