"""The order in which workers take units, and how long that takes with some number of workers.

The longest unit first, except that a worker keeps the model that it has loaded while that has units
left: a long unit that starts last would run alone at the end, and loading a model and its examples
takes time. Longest first is at most 4/3 of the shortest possible time where loading costs nothing
(Graham 1969, "Bounds on multiprocessing timing anomalies").
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from benchmark.planning.unit import Unit


@dataclass(frozen=True)
class Schedule:
    """What is predicted for some number of workers.

    Attributes:
        workers: their number.
        seconds: until the last unit is done.
        lower_bound: no order of the units is faster, see :func:`lower_bound`.
        loads: how often a model is loaded.
    """

    workers: int
    seconds: float
    lower_bound: float
    loads: int


def in_order(units: Iterable[Unit]) -> list[Unit]:
    """The units from the longest to the shortest; those of unknown length first.

    Equal ones are ordered by their identity, so that every process finds the same order.
    """
    return sorted(units, key=lambda unit: (-seconds_of(unit), unit.identity))


def seconds_of(unit: Unit) -> float:
    """Expected seconds of a unit, infinite if unknown."""
    return float("inf") if unit.seconds is None else unit.seconds


class Queue:
    """Units that wait, as workers claim them.

    Args:
        units: all that will be claimed.
    """

    def __init__(self, units: Iterable[Unit]) -> None:
        ordered = in_order(units)
        self._units = {unit.identity: unit for unit in ordered}
        self._rank = {unit.identity: rank for rank, unit in enumerate(ordered)}
        self._waiting: set[str] = set()
        self._all: list[tuple[int, str]] = []
        self._of_model: dict[str, list[tuple[int, str]]] = {}
        for unit in ordered:
            self.put(unit)

    def __len__(self) -> int:
        """Number of units that wait."""
        return len(self._waiting)

    def put(self, unit: Unit) -> None:
        """Let a unit wait, at its place in the order."""
        entry = self._rank[unit.identity], unit.identity
        self._waiting.add(unit.identity)
        heapq.heappush(self._all, entry)
        heapq.heappush(self._of_model.setdefault(unit.fingerprint, []), entry)

    def claim(self, model: str | None = None) -> Unit | None:
        """Take the first unit of a model, or the first of all if the model has none that waits.

        Args:
            model: fingerprint of the model that the worker has loaded.

        Returns:
            ``None`` if none waits.
        """
        mine = self._of_model.get(model, []) if model is not None else []
        for heap in (mine, self._all):
            while heap:
                identity = heapq.heappop(heap)[1]
                if identity in self._waiting:
                    self._waiting.remove(identity)
                    return self._units[identity]
        return None


def lower_bound(units: Sequence[Unit], workers: int, loading: Mapping[str, float]) -> float:
    """Seconds that every schedule takes at least.

    A share of all work, in which every model is loaded once, and no less than the longest unit with
    its loading.

    Args:
        units: with known seconds.
        workers: their number.
        loading: seconds that loading a model takes, by fingerprint.
    """
    if not units:
        return 0.0
    models = {unit.fingerprint for unit in units}
    work = sum(seconds_of(unit) for unit in units)
    work += sum(loading.get(model, 0.0) for model in models)
    longest = max(seconds_of(unit) + loading.get(unit.fingerprint, 0.0) for unit in units)
    return max(work / workers, longest)


def schedule(
    units: Sequence[Unit], workers: int, loading: Mapping[str, float] | None = None
) -> Schedule:
    """What the units take with some number of equal workers.

    Args:
        units: with known seconds.
        workers: their number, at least 1.
        loading: seconds that loading a model takes, by fingerprint; by default nothing.
    """
    loading = loading or {}
    queue, loads, end = Queue(units), 0, 0.0
    free: list[tuple[float, int]] = [(0.0, number) for number in range(workers)]
    loaded: dict[int, str] = {}
    while (unit := queue.claim(loaded.get(free[0][1]))) is not None:
        now, number = free[0]
        if loaded.get(number) != unit.fingerprint:
            loaded[number] = unit.fingerprint
            loads += 1
            now += loading.get(unit.fingerprint, 0.0)
        now += seconds_of(unit)
        end = max(end, now)
        heapq.heapreplace(free, (now, number))
    return Schedule(workers, end, lower_bound(units, workers, loading), loads)
