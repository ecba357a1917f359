"""Whether a process has been in contact with the database, to tell who died while it was away.

While a database is away no worker can extend its lease, and the leases of all of them expire at
once. Whoever comes back first must not take them for dead, but give them the time to return.
"""

from __future__ import annotations

import time
from collections.abc import Callable


class Contact:
    """When this process last reached the database.

    Args:
        lease_seconds: how long a lease lasts. A process that uses the database at all reaches it
            more often, if only to extend its own lease: half of a lease without a contact means
            that the database was away, or this process stood still.
        clock: the time, in seconds.
    """

    def __init__(self, lease_seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._lease_seconds, self._clock = lease_seconds, clock
        self._last: float | None = None
        self._back: float | None = None

    def made(self) -> None:
        """The database has just answered."""
        now = self._clock()
        if self._last is not None and now - self._last > self._lease_seconds / 2:
            self._back = now
        self._last = now

    @property
    def is_steady(self) -> bool:
        """Whether it was not interrupted within the last lease, so that others are heard of."""
        return self._back is None or self._clock() - self._back >= self._lease_seconds
