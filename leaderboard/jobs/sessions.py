"""The model that a worker has prepared, from one of its units to the next."""

from __future__ import annotations

from contextlib import ExitStack

from benchmark.batteries import Battery
from benchmark.datasets import Dataset
from benchmark.session import Session, session_of
from leaderboard.jobs.assignment import Assignment
from models_zoo.classifier import Classifier


class Sessions:
    """Keeps the last session open, since probes of the same model share work."""

    def __init__(self) -> None:
        self._opened = ExitStack()
        self._last: tuple[tuple[object, ...], Session] | None = None

    def of(self, task: Assignment, model: Classifier, data: Dataset, battery: Battery) -> Session:
        """The session that a unit is run in: the last one if it fits, or else a new one.

        Args:
            task: the unit.
            model: its model.
            data: its examples.
            battery: its battery.

        Raises:
            InputError: model, examples and battery do not fit together.
        """
        self.leave(task)
        if self._last is None:
            session = self._opened.enter_context(
                session_of(
                    *(model, data.images, data.labels, battery),
                    seed=task.seed,
                    device=task.device,
                    batch_size=task.batch_size,
                    own_data=task.own_data,
                )
            )
            self._last = _key(task), session
        return self._last[1]

    def leave(self, task: Assignment) -> None:
        """Close the last session unless a unit is run in it.

        To be called before what the unit needs is loaded: two models need not be in memory at once.

        Args:
            task: the unit.
        """
        if self._last is not None and self._last[0] != _key(task):
            self.close()

    def close(self) -> None:
        """Close the last session, which restores its model."""
        self._last = None
        self._opened.close()
        self._opened = ExitStack()


def _key(task: Assignment) -> tuple[object, ...]:
    """What units have in common that are run in one session."""
    return *task.unit.key[:4], task.device, task.batch_size, task.own_data
