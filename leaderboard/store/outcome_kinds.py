"""What stored outcomes are about, read from their columns."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from pydantic import ValidationError

from benchmark.results import OutcomeKind
from leaderboard.store import encoding


class KindColumns(NamedTuple):
    """The columns of one outcome that say what it is about.

    Attributes:
        position: its index among the outcomes of its result.
        name: of the outcome.
        role: what it is for.
        threat: the threat as JSON text; ``None`` where nothing is perturbed.
    """

    position: int
    name: str
    role: str
    threat: str | None


class OutcomeKinds:
    """Reads the kinds of outcomes; equal ones, as of all models of a battery, are one object."""

    def __init__(self) -> None:
        self._kinds: dict[tuple[str, str | None], OutcomeKind] = {}
        self._results: dict[tuple[KindColumns, ...], dict[str, OutcomeKind]] = {}

    def of_result(self, outcomes: Iterable[KindColumns]) -> dict[str, OutcomeKind]:
        """The kinds of the outcomes of one result, by name, in the order the probe gave them.

        Args:
            outcomes: the columns of its outcomes, in any order.

        Raises:
            ValueError: the kind of an outcome cannot be read.
        """
        ordered = tuple(sorted(outcomes))
        if ordered not in self._results:
            self._results[ordered] = {
                each.name: self._read(each.role, each.threat) for each in ordered
            }
        return self._results[ordered]

    def _read(self, role: str, threat: str | None) -> OutcomeKind:
        key = (role, threat)
        if key not in self._kinds:
            content: Any = None if threat is None else encoding.loads(threat)
            try:
                self._kinds[key] = OutcomeKind.model_validate({"role": role, "threat": content})
            except ValidationError as error:
                raise ValueError("the kind of an outcome cannot be read") from error
        return self._kinds[key]
