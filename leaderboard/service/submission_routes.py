"""The routes under ``/api/v1/submissions``."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Path, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from leaderboard.service.answers import (
    Brief,
    Created,
    Creation,
    Reason,
    Received,
    Status,
    brief,
    page_of,
    status_of,
)
from leaderboard.service.approval import approve
from leaderboard.service.authentication import Bearer, Maintainer
from leaderboard.service.intake import Intake
from leaderboard.service.problems import Problem, described
from leaderboard.store.submission import State, Submission
from leaderboard.store.submissions import Submissions
from leaderboard.store.tokens import Token

routes = APIRouter(
    prefix="/api/v1/submissions",
    tags=["submissions"],
    responses=described(400, 401, 403, 404, 409, 411, 413, 422, 429),
)

Number = Annotated[str, Path(pattern="^[0-9a-f]{32}$", description="Identifier of a submission.")]


def intake_of(request: Request) -> Intake:
    """What takes submissions in."""
    intake: Intake = request.app.state.intake
    return intake


def _submissions(request: Request) -> Submissions:
    return intake_of(request).submissions


def _own(request: Request, number: str, token: Token) -> Submission:
    """A submission that a token may see.

    Raises:
        Problem: there is none, or it is another submitter's.
    """
    found = _submissions(request).get(number)
    if found is None:
        detail = f"there is no submission {number}"
        raise Problem(404, "not-found", detail, "GET /api/v1/submissions lists yours")
    if found.token != token.id and not token.is_maintainer:
        detail = f"submission {number} is another submitter's"
        raise Problem(403, "forbidden", detail, "use the token that it was sent with")
    return found


@routes.post("", status_code=201, responses=described(503, 507))
def create(request: Request, token: Bearer, creation: Creation) -> Created:
    """Begin a submission. Send the file afterwards, with PUT."""
    intake = intake_of(request)
    description = intake.describe(creation.description)
    number = intake.create(token, description, creation.file_name, creation.size, creation.sha256)
    address = f"/api/v1/submissions/{number}"
    return Created(id=number, file=f"{address}/file", status=address, page=page_of(number))


@routes.get("")
def listed(
    request: Request,
    token: Bearer,
    state: Annotated[State | None, Query(description="Only those in this state.")] = None,
) -> list[Brief]:
    """List own submissions, the newest first; a maintainer sees all."""
    found = _submissions(request).listed(
        token=None if token.is_maintainer else token.id, states=None if state is None else [state]
    )
    return [brief(each) for each in found]


@routes.get("/{number}")
def show(request: Request, token: Bearer, number: Number) -> Status:
    """Where a submission is, with the verdict of its checks and its progress."""
    return status_of(_submissions(request), _own(request, number, token))


@routes.delete("/{number}")
def withdraw(request: Request, token: Bearer, number: Number) -> Status:
    """Withdraw a submission that is not over; what it waits for is cancelled."""
    _own(request, number, token)
    _submissions(request).withdraw(number, token.id)
    return show(request, token, number)


@routes.head("/{number}/file", status_code=204, response_class=Response)
def arrived(request: Request, token: Bearer, number: Number) -> Response:
    """How much of the file has arrived, in the header Upload-Offset."""
    found = _own(request, number, token)
    size = found.received_bytes
    if found.state == "uploading":
        size = intake_of(request).quarantine.size(number)
    headers = {"Upload-Offset": str(size)}
    if found.expected_bytes is not None:
        headers["Upload-Length"] = str(found.expected_bytes)
    return Response(status_code=204, headers=headers)


@routes.put(
    "/{number}/file",
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/octet-stream": {"schema": {"type": "string", "format": "binary"}}
            },
        }
    },
    responses=described(408, 507),
)
async def receive(
    request: Request,
    token: Bearer,
    number: Number,
    upload_offset: Annotated[
        int, Header(ge=0, le=2**62, description="Where in the file the body begins.")
    ] = 0,
) -> Received:
    """Send the file, or go on at an offset; the body is the bytes and nothing else."""
    intake = intake_of(request)
    found = await run_in_threadpool(_own, request, number, token)
    length = request.headers.get("content-length")
    if length is None:
        raise Problem(
            *(411, "length-required", "the request does not say how long its body is"),
            "send Content-Length",
        )
    intake.require_length(found, upload_offset + int(length))
    complete = await intake.receive(found, request.stream(), upload_offset)
    size = found.expected_bytes if complete else intake.quarantine.size(number)
    return Received(offset=size or 0, complete=complete)


@routes.post("/{number}/approve")
def approved(request: Request, token: Maintainer, number: Number) -> Status:
    """Let a submission be scored that waits for approval."""
    found = _own(request, number, token)
    intake = intake_of(request)
    approve(intake.submissions, intake.quarantine, found, token.id)
    return show(request, token, number)


@routes.post("/{number}/refuse")
def refused(request: Request, token: Maintainer, number: Number, why: Reason) -> Status:
    """Refuse a submission that waits for approval."""
    _own(request, number, token)
    _submissions(request).refuse(number, why.reason, token=token.id)
    return show(request, token, number)
