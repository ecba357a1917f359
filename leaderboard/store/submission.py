"""A submission to the service: its states, and what is known of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

State = Literal[
    "uploading",
    "checking",
    "refused",
    "waiting",
    "queued",
    "running",
    "done",
    "failed",
    "withdrawn",
]
"""``uploading``: the file has not arrived completely; ``checking``: a checker has it or will take
it; ``refused``: by the checks or by a maintainer; ``waiting``: for a maintainer's approval;
``queued`` and ``running``: its units wait, and some run or are done; ``done``: all are scored;
``failed``: a unit or the checks failed for good; ``withdrawn``: by the submitter, or the upload was
given up."""

STATES: tuple[State, ...] = get_args(State)

OPEN: tuple[State, ...] = ("uploading", "checking", "waiting", "queued", "running")
"""States of submissions on which something is still to happen."""

SCORING: tuple[State, ...] = ("queued", "running", "failed")
"""States in which a submission's units decide about its state. One that has failed goes on when its
job is tried again."""


ACCEPTED: tuple[State, ...] = ("waiting", *SCORING, "done")
"""States of submissions against which the checks found nothing, and of those that they could not be
made on."""


def check_key(submission: str) -> str:
    """The key of the job that checks a submission's file."""
    return f"check:{submission}"


@dataclass(frozen=True)
class Submission:
    """A submission; see :class:`leaderboard.store.schema.SubmissionRow` for the fields."""

    id: str
    token: str | None
    created: float
    changed: float
    state: State
    description: Mapping[str, Any]
    file_name: str
    expected_bytes: int | None
    expected_sha256: str | None
    received_bytes: int
    sha256: str | None
    verdict: Mapping[str, Any] | None
    isolation: str | None
    model: str | None
    units: Sequence[Mapping[str, Any]] | None
    reason: str | None

    @property
    def name(self) -> str:
        """Of the model."""
        return str(self.description.get("name", ""))

    @property
    def is_open(self) -> bool:
        """Whether something is still to happen."""
        return self.state in OPEN


@dataclass(frozen=True)
class Event:
    """Something that happened; see :class:`leaderboard.store.schema.SubmissionEventRow`."""

    moment: float
    state: State
    token: str | None
    note: str


@dataclass(frozen=True)
class UnitStatus:
    """Where a unit of a submission is.

    Attributes:
        key: of its job.
        title: what it measures, for people.
        state: of its job; that of a job that was deleted, as finished ones may be, is ``done``.
        progress: share that is done.
        seconds: how long it is expected to take.
        error: why it failed.
    """

    key: str
    title: str
    state: str
    progress: float
    seconds: float
    error: str | None = None


def state_of_units(units: Sequence[UnitStatus]) -> State:
    """The state of an accepted submission, by its units and by nothing else.

    It has failed only when none of its units is open any more: the others are scored nevertheless.
    """
    states = [each.state for each in units]
    if any(state in ("queued", "running") for state in states):
        return "running" if any(state in ("running", "done") for state in states) else "queued"
    return "done" if all(state == "done" for state in states) else "failed"


def state_of_check(state: str | None) -> State:
    """The state of a submission that has no verdict, by its check's job.

    Args:
        state: of the job; ``None`` if there is none.
    """
    if state in ("queued", "running"):
        return "checking"
    return "withdrawn" if state == "cancelled" else "failed"
