"""Computing units in the sandbox: what its process runs, with neither a database nor a network."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from leaderboard.jobs.assignment import Assignment
from leaderboard.sandbox.inside import Emit

MODEL, DATA, BATTERY, DATA_ROOT, CACHE = "model", "data", "battery", "data root", "cache"
"""Names of the files that a unit is given."""

NOT_HERE = "not here"
"""Key of an answer that is no result: why another worker may have what the unit needs."""

_computing: Any = None
"""What keeps the model, the examples and what probes share, from one request to the next."""


def answer(request: dict[str, Any], files: dict[str, Path], emit: Emit) -> dict[str, Any]:
    """Compute a unit.

    Args:
        request: the unit as ``"task"``, the number of threads, and whether its model may execute
            code when it is loaded, as ``"trust"``.
        files: by :data:`MODEL` and the other names.
        emit: sends ``"share"`` and ``"note"``.
    """
    global _computing

    from benchmark.threads import compute_with
    from leaderboard.jobs.answer_message import to_message
    from leaderboard.jobs.computing import InProcess
    from leaderboard.jobs.materials import Materials
    from leaderboard.jobs.sources import NotHereError
    from models_zoo.sources.downloaded import CACHE as CACHE_VARIABLE

    compute_with(request["threads"])
    if CACHE in files:
        os.environ[CACHE_VARIABLE] = str(files[CACHE])
    if _computing is None:
        _computing = InProcess(Materials(trust=request["trust"]))
    task = with_files(Assignment.model_validate(request["task"]), files)
    try:
        return to_message(_computing.compute(task, _Emitting(emit)))
    except NotHereError as error:
        return {NOT_HERE: str(error)}


def with_files(task: Assignment, files: dict[str, Path]) -> Assignment:
    """A unit whose files are those that this process sees."""
    changed: dict[str, Any] = {"folder": Path.cwd()}
    if MODEL in files and task.model is not None:
        changed["model"] = task.model.model_copy(update={"file": files[MODEL]})
    if task.data is not None:
        places = {"file": files.get(DATA), "data_root": files.get(DATA_ROOT)}
        changed["data"] = task.data.model_copy(update=places)
    if BATTERY in files:
        changed["battery"] = str(files[BATTERY])
    return task.model_copy(update=changed)


class _Emitting:
    """Sends what a listener is told."""

    def __init__(self, emit: Emit) -> None:
        self._emit = emit

    def note(self, text: str) -> None:
        """A line for the user."""
        self._emit({"note": text})

    def progressed(self, share: float) -> None:
        """A share of the work is done."""
        self._emit({"share": share})
