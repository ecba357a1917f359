"""The routes under ``/api/v1/counterexamples``."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool

from leaderboard.service.authentication import Bearer
from leaderboard.service.counterexample_check import LARGEST
from leaderboard.service.counterexamples import Counterexamples
from leaderboard.service.problems import Problem, described, too_large
from leaderboard.store.job import last_line
from leaderboard.store.reruns import MAX_NOTE_LENGTH, require_signature
from leaderboard.store.tokens import Token

routes = APIRouter(
    prefix="/api/v1/counterexamples",
    tags=["counterexamples"],
    responses=described(400, 401, 403, 404, 408, 411, 413, 422, 429, 503, 507),
)

_HASH = "^[0-9a-f]{64}$"

Sha256 = Annotated[str, Path(pattern=_HASH, description="SHA-256 of the file.")]
Model = Annotated[str, Query(pattern=_HASH, description="Fingerprint of the model.")]
Data = Annotated[str, Query(pattern=_HASH, description="SHA-256 of the evaluation examples.")]

State = Literal["queued", "running", "done", "refused"]


class CounterexampleStatus(BaseModel):
    """Where a counterexample is.

    Attributes:
        sha256: of the file.
        state: ``done`` if it was verified, ``refused`` if it shows nothing.
        reason: why it is refused, in one line.
        threat: the ball in which it was measured to lie.
        broken: number of examples that it breaks.
        lowered: the probes whose results counterexamples have lowered.
    """

    sha256: str
    state: State
    reason: str | None = None
    threat: str | None = None
    broken: int | None = None
    lowered: list[str] = []


def _counterexamples(request: Request) -> Counterexamples:
    found: Counterexamples = request.app.state.counterexamples
    return found


@routes.put(
    "/{sha256}/file",
    status_code=202,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/octet-stream": {"schema": {"type": "string", "format": "binary"}}
            },
        }
    },
)
async def receive(
    request: Request,
    token: Bearer,
    sha256: Sha256,
    model: Model,
    data: Data,
    note: Annotated[
        str, Query(max_length=MAX_NOTE_LENGTH, description="A note for readers, one line.")
    ] = "",
) -> CounterexampleStatus:
    """Send the file of a counterexample: the body is its bytes. The same file again joins it."""
    require_signature(token.name, note)
    length = request.headers.get("content-length")
    if length is None:
        raise Problem(
            *(411, "length-required", "the request does not say how long its body is"),
            "send Content-Length",
        )
    if int(length) > LARGEST:
        raise too_large(LARGEST, "the file")
    taken = _counterexamples(request)
    known = await run_in_threadpool(taken.status, sha256, model, data)
    if known is None or known[0].state in ("failed", "cancelled"):
        stream = request.stream()
        await taken.receive(token, sha256, model, data, note, int(length), stream)
    return await run_in_threadpool(_status, taken, token, sha256, model, data)


@routes.get("/{sha256}")
def show(
    request: Request, token: Bearer, sha256: Sha256, model: Model, data: Data
) -> CounterexampleStatus:
    """Where a counterexample is, and what it was verified to break."""
    return _status(_counterexamples(request), token, sha256, model, data)


def _status(
    taken: Counterexamples, token: Token, sha256: str, model: str, data: str
) -> CounterexampleStatus:
    known = taken.status(sha256, model, data)
    if known is None:
        raise Problem(404, "not-found", "there is no such counterexample", "send its file first")
    status, claim = known
    if claim.token != token.id and not token.is_maintainer:
        raise Problem(
            *(403, "forbidden", "the counterexample is another's"),
            "use the token that it was sent with",
        )
    if status.state in ("failed", "cancelled"):
        reason = last_line(status.error) or "it was cancelled"
        return CounterexampleStatus(sha256=sha256, state="refused", reason=reason)
    if status.state != "done":
        return CounterexampleStatus(sha256=sha256, state=status.state)
    result = taken.result(sha256, model, data)
    if result is None:
        return CounterexampleStatus(sha256=sha256, state="done")
    found, lowered = result
    return CounterexampleStatus(
        sha256=sha256,
        state="done",
        threat=found.found.threat.label,
        broken=found.found.n_broken,
        lowered=lowered,
    )
