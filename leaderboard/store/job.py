"""A job: a piece of work, its lease and its state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

State = Literal["queued", "running", "done", "failed", "cancelled"]
"""``queued``: waits to be taken; ``running``: a process has its lease; ``failed``: for good, with
the reason; ``cancelled``: on request."""

STATES: tuple[State, ...] = get_args(State)

MAX_ATTEMPTS = 3
"""After how many attempts a job that raises an error has failed."""

OWN_UNIT = "own unit"
"""Kind of a unit that only the process that planned it can run, as it alone has the model or the
examples. Workers that take whatever waits leave it to that process."""

CHECK = "check"
"""Kind of a job that checks the file of a submission, see :mod:`leaderboard.store.submissions`."""


def last_line(error: str | None) -> str:
    """The last line of why a job failed, of a traceback the error itself; empty if it has none."""
    return ((error or "").strip().splitlines() or [""])[-1]


class LeaseLostError(Exception):
    """A job is no longer this process's: its lease expired, or it was cancelled."""


@dataclass(frozen=True)
class NewJob:
    """A job to add; see :class:`leaderboard.store.schema.JobRow` for the fields."""

    key: str
    title: str
    payload: Mapping[str, Any]
    kind: str = "unit"
    model: str | None = None
    priority: int = 0
    cost: float | None = None
    max_attempts: int = MAX_ATTEMPTS


@dataclass(frozen=True)
class Lease:
    """A job that this process has taken.

    Attributes:
        number: id of the job.
        token: the word that every write for it carries.
        attempt: which attempt this is, from 1.
    """

    number: int
    token: str
    key: str
    title: str
    payload: Mapping[str, Any]
    model: str | None
    attempt: int


@dataclass(frozen=True)
class JobStatus:
    """Where a job is; see :class:`leaderboard.store.schema.JobRow` for the fields.

    Attributes:
        age: seconds since it was added, started or finished, whichever was last.
    """

    number: int
    key: str
    kind: str
    title: str
    model: str | None
    state: State
    attempts: int
    max_attempts: int
    deaths: int
    progress: float
    cost: float | None
    owner: str | None
    error: str | None
    age: float

    @classmethod
    def missing(cls, number: int, key: str, title: str) -> JobStatus:
        """The status of a job that was deleted while it was waited for."""
        return cls(
            number=number,
            key=key,
            kind="unit",
            title=title,
            model=None,
            state="cancelled",
            attempts=0,
            max_attempts=0,
            deaths=0,
            progress=0.0,
            cost=None,
            owner=None,
            error="it was deleted",
            age=0.0,
        )
