"""The base class of triggers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from torch import Tensor


class Trigger(ABC):
    """A fixed change of inputs, which makes a backdoored model answer with the target class.

    ``str(trigger)`` describes it. An injection knows no more of inputs than this.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    @abstractmethod
    def stamp(self, inputs: Tensor) -> Tensor:
        """Copies of ``inputs`` (N, ...) that carry the trigger, of the same shape and type.

        What becomes of an input depends on that input and the trigger alone, not on its batch.

        Raises:
            InputError: the trigger is larger than the inputs, or of another kind.
        """

    def seeded(self, seed: int) -> Trigger:
        """The trigger with the random pattern of a seed; unchanged if nothing is random."""
        return self
