"""The models, examples and batteries that a worker has loaded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import chdir, contextmanager
from pathlib import Path
from typing import TypeVar

from benchmark.batteries import Battery, load_battery
from benchmark.datasets import Dataset
from benchmark.datasets.root import use_root
from leaderboard.jobs.assignment import Assignment
from leaderboard.jobs.sources import NotHereError
from models_zoo.classifier import Classifier
from models_zoo.display import shown
from models_zoo.errors import InputError

T = TypeVar("T")


class Materials:
    """What a worker computes with: what it was given, and the last of each that it loaded.

    Args:
        models: models that are loaded already.
        data: examples that are loaded already.
        battery: a battery that is loaded already.
        trust: whether a model may execute code when it is loaded.
    """

    def __init__(
        self,
        models: Iterable[Classifier] = (),
        data: Dataset | None = None,
        battery: Battery | None = None,
        *,
        trust: bool = False,
    ) -> None:
        self._given = {model.fingerprint: model for model in models}
        self._model: tuple[str, Classifier] | None = None
        self._data = None if data is None else (data.sha256, data)
        self._battery = None if battery is None else (battery.sha256, battery)
        self.trust = trust

    def battery(self, task: Assignment) -> Battery:
        """The battery of a task.

        Raises:
            InputError: it cannot be loaded, or has changed since it was planned.
        """
        if self._battery is None or self._battery[0] != task.battery_sha256:
            source = _known(task.battery, f"the battery of {shown(task.name)}")
            with _in(task.folder):
                found = load_battery(source)
            _require_same(f"battery {shown(source)}", found.sha256, task.battery_sha256)
            self._battery = found.sha256, found
        return self._battery[1]

    def data(self, task: Assignment) -> Dataset:
        """The examples of a task.

        Raises:
            InputError: they cannot be loaded, or have changed since it was planned.
        """
        root = None if task.data is None else task.data.data_root
        use_root(None if root is None else task.folder / root)  # another task may have another one
        if self._data is None or self._data[0] != task.data_sha256:
            source = _known(task.data, f"the examples of {shown(task.name)}")
            self._data = None  # two sets of examples need not be in memory at once
            with _in(task.folder):
                found = source.load(self.battery(task))
            sha256 = found.sha256
            _require_same(f"data {shown(source.dataset)}", sha256, task.data_sha256)
            self._data = sha256, found
        return self._data[1]

    def model(self, task: Assignment) -> Classifier:
        """The model of a task.

        Raises:
            InputError: it cannot be loaded, has changed since it was planned, or is not
                trusted.
        """
        if task.fingerprint in self._given:
            return self._given[task.fingerprint]
        if self._model is None or self._model[0] != task.fingerprint:
            source = _known(task.model, f"model {shown(task.name)}")
            source.require_trusted(self.trust)
            self._model = None  # two models need not be in memory at once
            with _in(task.folder):
                found = source.load()
            _require_same(f"model {shown(task.name)}", found.fingerprint, task.fingerprint)
            self._model = task.fingerprint, found
        return self._model[1]

    def has(self, fingerprint: str) -> bool:
        """Whether a model was given, so that it is in this process already."""
        return fingerprint in self._given

    @property
    def held(self) -> str | None:
        """Fingerprint of the last model that was loaded."""
        return None if self._model is None else self._model[0]


def _known(source: T | None, what: str) -> T:
    if source is None:
        raise InputError(
            f"{what} exists in the process that planned it only; run its command again"
        )
    return source


@contextmanager
def _in(folder: Path) -> Iterator[None]:
    """Load something in the folder in which a job was added.

    Raises:
        NotHereError: there is no such folder, or what is loaded is missing or cannot be used: the
            process that added the job has loaded it.
    """
    if not folder.is_dir():
        raise NotHereError(
            f"the folder {shown(folder)}, in which the job was added, is not on this machine; "
            "run workers where its files are at the same place"
        )
    with chdir(folder):
        try:
            yield
        except InputError as error:
            raise NotHereError(str(error)) from error


def _require_same(what: str, found: str, planned: str) -> None:
    if found != planned:
        raise InputError(
            f"{what} has changed since the job was added (its hash is {found[:12]}, not "
            f"{planned[:12]}); run the command that added it again"
        )
