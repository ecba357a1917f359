"""Token buckets: how often something may happen, in the memory of this process."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from threading import Lock

_MOST = 10_000
"""Maximum number of callers that are remembered; the one seen longest ago is forgotten, whose
bucket is full again in all likelihood."""


class Rates:
    """A bucket per caller, which fills up continuously.

    Args:
        per_minute: how often something may happen per minute, and how often at once.
        clock: the time, in seconds.
    """

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._most, self._clock = per_minute, clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = Lock()

    def take(self, caller: str) -> float:
        """Let something happen once.

        Args:
            caller: who wants it.

        Returns:
            0 if it may happen; otherwise the seconds after which it may.
        """
        moment = self._clock()
        with self._lock:
            level, seen = self._buckets.pop(caller, (float(self._most), moment))
            level = min(self._most, level + (moment - seen) * self._most / 60)
            allowed = level >= 1
            self._buckets[caller] = (level - allowed, moment)
            while len(self._buckets) > _MOST:
                self._buckets.popitem(last=False)
        return 0.0 if allowed else (1 - level) * 60 / self._most
