"""Computing units in a sandbox, from outside: the model is never in this process."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from benchmark.batteries import is_battery_file
from benchmark.datasets.root import default_root
from leaderboard.jobs.answer_message import from_message
from leaderboard.jobs.assignment import Assignment
from leaderboard.jobs.computing import Answer, Listener
from leaderboard.jobs.inside_sandbox import BATTERY, CACHE, DATA, DATA_ROOT, MODEL, NOT_HERE
from leaderboard.jobs.materials import Materials
from leaderboard.jobs.sources import NotHereError
from leaderboard.sandbox import SCORING, Level, Limits, SandboxedWorker
from models_zoo.checkpoint import sha256_file
from models_zoo.display import shown
from models_zoo.errors import InputError
from models_zoo.sources.downloaded import cache_folder

TARGET = "leaderboard.jobs.inside_sandbox:answer"

WITHOUT_FILES = "digits"
"""The data set that comes with the packages."""


class Isolated:
    """Computes units in a child in the sandbox, which keeps its model from one unit to the next.

    Attributes:
        held: fingerprint of the model that the child has.

    Args:
        materials: batteries of this process, and whether models may execute code.
        limits: what a child may use; time is per unit.
        level: how well it is isolated; by default as well as this machine can.
    """

    def __init__(
        self, materials: Materials, limits: Limits = SCORING, level: Level | None = None
    ) -> None:
        self._materials, self._limits, self._level = materials, limits, level
        self._worker: SandboxedWorker | None = None
        self._key: object = None
        self._checkpoint_sha256: str | None = None
        self.held: str | None = None

    def compute(
        self, task: Assignment, listener: Listener, require_wanted: Callable[[], None]
    ) -> Answer:
        """Compute a unit.

        Args:
            task: the unit.
            listener: is told how it proceeds.
            require_wanted: is called about ten times a second; what it raises ends the child.

        Raises:
            InputError: what the unit needs cannot be loaded, or does not fit together.
            SandboxError: the child died, took too much time or memory, or answered nonsense.
        """
        battery = self._materials.battery(task)
        worker = self._worker_for(task)
        request = {
            "task": task.model_dump(mode="json"),
            "threads": torch.get_num_threads(),
            "trust": self._materials.trust,
        }

        def on_line(line: dict[str, Any]) -> None:
            share, note = line.get("share"), line.get("note")
            if isinstance(share, float | int) and math.isfinite(share):
                listener.progressed(min(max(float(share), 0.0), 1.0))
            if isinstance(note, str):
                listener.note(note)

        content = worker.call(TARGET, request, on_line, require_wanted)
        if isinstance(content.get(NOT_HERE), str):
            raise NotHereError(content[NOT_HERE])
        return from_message(
            *(content, task, battery),
            isolation=worker.level.value,
            checkpoint_sha256=self._checkpoint_sha256,
        )

    def close(self) -> None:
        """End the child."""
        worker, self._worker = self._worker, None
        self._key = self.held = None
        if worker is not None:
            worker.close()

    def _worker_for(self, task: Assignment) -> SandboxedWorker:
        """The child that has the model and the examples of a unit already, or a new one."""
        files = files_of(task, self._materials.trust)
        key = (task.fingerprint, task.data_sha256, files, task.device)
        if self._worker is None or self._key != key:
            self.close()
            self._worker = SandboxedWorker(
                files=files,
                limits=self._limits,
                level=self._level,
                packages=(TARGET.partition(":")[0].partition(".")[0],),
                gpu=torch.device(task.device).type == "cuda",
            )
            self._checkpoint_sha256 = sha256_file(files[MODEL]) if MODEL in files else None
            self._key, self.held = key, task.fingerprint
        return self._worker


def files_of(task: Assignment, trust: bool) -> dict[str, Path]:
    """The files that a unit needs, by the names that :mod:`leaderboard.jobs.inside_sandbox` has.

    Args:
        task: the unit.
        trust: whether a model may execute code when it is loaded.

    Raises:
        InputError: only the process that planned the unit has its model or examples.
        NotHereError: a file is not on this machine, or the model is not trusted.
    """
    if task.model is None or task.data is None or task.battery is None:
        raise InputError(
            f"model {shown(task.name)} exists in the process that planned it only, which cannot be "
            "isolated; run its command again"
        )
    task.model.require_trusted(trust)
    files: dict[str, Path] = {}
    if task.model.file is not None:
        files[MODEL] = task.folder / task.model.file
    elif cache_folder().is_dir():
        files[CACHE] = cache_folder()
    root = task.folder / (task.data.data_root or default_root())
    if task.data.file is not None:
        files[DATA] = task.folder / task.data.file
    elif task.data.dataset != WITHOUT_FILES:
        files[DATA_ROOT] = root
    if task.data.data_root is not None and root.is_dir():  # probes may read more than examples
        files[DATA_ROOT] = root
    if is_battery_file(task.battery):
        files[BATTERY] = task.folder / task.battery
    for path in files.values():
        if not path.exists():
            raise NotHereError(
                f"{shown(path)} is not on this machine, and nothing is downloaded in the sandbox; "
                "run workers where the files are at the same place"
            )
    return files
