"""The bodies of requests and answers of the API."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from leaderboard.store.submission import Event, State, Submission, UnitStatus
from leaderboard.store.submissions import Submissions


class Creation(BaseModel):
    """What begins a submission.

    Attributes:
        description: what the submitter says about the model.
        file_name: of the checkpoint as the submitter calls it; it is only shown.
        size: of the file, in bytes.
        sha256: of the file; what arrives has to have it, if it is given.
    """

    model_config = ConfigDict(extra="forbid")

    description: dict[str, Any] = Field(
        description="Fields as in a submission.toml",
        examples=[{"name": "mine", "dataset": "digits"}],
    )
    file_name: str = Field(min_length=1, max_length=200)
    size: int = Field(ge=1, le=2**62)
    sha256: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")


class Created(BaseModel):
    """A submission that waits for its file.

    Attributes:
        id: its identifier.
        file: address that takes the file, with PUT.
        status: address of its status.
        page: address of its status as a page.
    """

    id: str
    file: str
    status: str
    page: str


class Received(BaseModel):
    """How much of a file has arrived.

    Attributes:
        offset: number of bytes; the next request goes on there.
        complete: whether it is all, so that the file is checked now.
    """

    offset: int
    complete: bool


class Reason(BaseModel):
    """Why something is refused.

    Attributes:
        reason: in one line; the submitter sees it.
    """

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(min_length=1, max_length=500)


class UnitAnswer(BaseModel):
    """One probe of a submission.

    Attributes:
        title: what it measures.
        state: ``queued``, ``running``, ``done``, ``failed`` or ``cancelled``.
        progress: share that is done.
        seconds: how long it is expected to take.
    """

    title: str
    state: str
    progress: float
    seconds: float


class EventAnswer(BaseModel):
    """Something that happened to a submission.

    Attributes:
        moment: seconds since 1970.
        state: from then on.
        note: why.
    """

    moment: float
    state: State
    note: str


class Status(BaseModel):
    """Where a submission is.

    Attributes:
        id: its identifier.
        state: where it is.
        name: of the model.
        dataset: that it is for.
        file_name: of the file as the submitter calls it.
        created: seconds since 1970.
        received_bytes: how much of the file has arrived, of ``expected_bytes``.
        sha256: of the file.
        reason: why it was refused, has failed or was withdrawn.
        verdict: of the checks.
        isolation: what the checks were isolated by.
        progress: share of the scoring that is done.
        ahead: number of jobs that are taken before it.
        units: the probes.
        history: what happened, the oldest first.
        page: address of its status as a page.
    """

    id: str
    state: State
    name: str
    dataset: str
    file_name: str
    created: float
    received_bytes: int
    expected_bytes: int | None
    sha256: str | None
    reason: str | None
    verdict: dict[str, Any] | None
    isolation: str | None
    progress: float
    ahead: int
    units: list[UnitAnswer]
    history: list[EventAnswer]
    page: str


class Brief(BaseModel):
    """A submission in a list.

    Attributes:
        id: its identifier.
        state: where it is.
        name: of the model.
        dataset: that it is for.
        created: seconds since 1970.
        sha256: of the file: as announced, until it has arrived.
        reason: why it was refused, has failed or was withdrawn.
    """

    id: str
    state: State
    name: str
    dataset: str
    created: float
    sha256: str | None
    reason: str | None


class Health(BaseModel):
    """How the service is.

    Attributes:
        version: of nonsingular.
        accepts: whether files are accepted; ``closed`` says why not.
        isolation: what checks are isolated by.
        datasets: that submissions can be for.
        largest: bytes of the largest file that is accepted.
        waiting: jobs that wait, by kind.
        running: jobs that run, by kind.
        workers: processes that work on a job.
        disk_free: bytes free for files.
        site: when the site was rendered last, in seconds since 1970.
    """

    version: str
    accepts: bool
    closed: str | None
    isolation: str
    datasets: list[str]
    largest: int
    waiting: dict[str, int]
    running: dict[str, int]
    workers: int
    disk_free: int
    site: float | None


def page_of(number: str) -> str:
    """The address of a submission's status as a page."""
    return f"/submissions/{number}"


def progress_of(units: Sequence[UnitStatus]) -> float:
    """The share of a submission's scoring that is done, by the expected times of its units."""
    whole = sum(max(each.seconds, 1e-3) for each in units)
    return sum(each.progress * max(each.seconds, 1e-3) for each in units) / whole if units else 0.0


def brief(submission: Submission) -> Brief:
    """A submission in a list."""
    return Brief(
        id=submission.id,
        state=submission.state,
        name=submission.name,
        dataset=str(submission.description.get("dataset", "")),
        created=submission.created,
        sha256=submission.sha256 or submission.expected_sha256,
        reason=submission.reason,
    )


def status(
    submission: Submission, units: Sequence[UnitStatus], ahead: int, events: Sequence[Event]
) -> Status:
    """Where a submission is; without its contact and its token."""
    return Status(
        **brief(submission).model_dump(),
        file_name=submission.file_name,
        received_bytes=submission.received_bytes,
        expected_bytes=submission.expected_bytes,
        verdict=None if submission.verdict is None else dict(submission.verdict),
        isolation=submission.isolation,
        progress=1.0 if submission.state == "done" else progress_of(units),
        ahead=ahead,
        units=[
            UnitAnswer(
                title=unit.title, state=unit.state, progress=unit.progress, seconds=unit.seconds
            )
            for unit in units
        ],
        history=[EventAnswer(moment=e.moment, state=e.state, note=e.note) for e in events],
        page=page_of(submission.id),
    )


def status_of(submissions: Submissions, submission: Submission) -> Status:
    """Where a submission is."""
    return status(
        submission,
        submissions.units(submission),
        submissions.ahead(submission),
        submissions.history(submission.id),
    )
