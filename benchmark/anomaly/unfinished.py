"""Trainings that were interrupted: a file with their state, from which they are resumed."""

from __future__ import annotations

import hashlib
import json
import time
import warnings
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

from models_zoo.errors import InputError
from models_zoo.sources.downloaded import cache_folder
from models_zoo.training.state import Identity, load_state, save_state

EVERY_SECONDS = 60.0
"""Time between two states that are written. Shorter trainings write none."""

FOLDER = "unfinished"
"""Where the files are, in the cache folder."""


class Stateful(Protocol):
    """What has a state of tensors, numbers and lists, such as modules and optimizers."""

    def state_dict(self) -> Mapping[str, Any]:
        """The state."""

    def load_state_dict(self, state: Any, /) -> Any:
        """Take a state."""


class Unfinished:
    """The file of a training, which is there until everything that needs the training is done.

    Args:
        identity: everything that determines the training; another one has another file.
        parts: by name, what has a state besides the training.
        clock: seconds.
    """

    def __init__(
        self,
        identity: Identity,
        parts: Mapping[str, Stateful] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        text = json.dumps(dict(identity), sort_keys=True)
        name = f"anomaly-{hashlib.sha256(text.encode()).hexdigest()[:16]}.pt"
        self.path: Path = cache_folder() / FOLDER / name
        self._identity, self._parts, self._clock = identity, dict(parts or {}), clock
        self._began = self._written = clock()
        self._writable = True

    def resume(self, parts: Mapping[str, Stateful]) -> None:
        """Give all parts the state that they had when the file was written, if there is one.

        Args:
            parts: of the training, by name; their state is kept from now on.

        Raises:
            InputError: the file is damaged.
        """
        self._parts |= parts
        state = load_state(self.path, self._identity)
        if state is not None:
            for name, part in self._parts.items():
                part.load_state_dict(state[name])

    def keep(self) -> None:
        """Write the state, if the last time was long ago."""
        if self._clock() - self._written >= EVERY_SECONDS:
            self._write()

    def finish(self) -> None:
        """Write the state of a finished training, if it was long."""
        if self._clock() - self._began >= EVERY_SECONDS:
            self._write()

    def remove(self) -> None:
        """Remove the file."""
        with suppress(OSError):  # nothing was written to a folder that cannot be written to
            self.path.unlink(missing_ok=True)

    def _write(self) -> None:
        if not self._writable:
            return
        state = {name: dict(part.state_dict()) for name, part in self._parts.items()}
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            save_state(self.path, self._identity, state)
        except (OSError, InputError) as error:
            self._writable = False
            warnings.warn(
                f"this training cannot be resumed if it is interrupted: {error}", stacklevel=2
            )
        self._written = self._clock()
