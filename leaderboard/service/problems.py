"""What is wrong with a request, in one form for all of them: problem+json of RFC 9457.

Beside the members of the standard an answer has ``id``, which does not change between versions, and
``fix``, which says what to do.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field, ValidationError
from starlette.exceptions import HTTPException

from leaderboard.store.submissions import WrongStateError
from models_zoo.errors import InputError, first_problem, printable

MEDIA_TYPE = "application/problem+json"


class Answer(BaseModel):
    """The body of every answer with a status of 400 or more.

    Attributes:
        type: a name of the problem, equal for equal ones.
        title: the status in words.
        status: the HTTP status.
        detail: what is wrong with this request, in one line.
        id: the problem, in short.
        fix: what to do, in one line.
        request: number of the request in the service's log.
    """

    type: str
    title: str
    status: int
    detail: str
    id: str
    fix: str
    request: str = Field(default="")


_MEANINGS: Mapping[int, str] = {
    400: "The body is not JSON, its length is wrong, or the connection was lost",
    401: "No token that is accepted",
    403: "The submission of another submitter, or only for maintainers",
    404: "There is no such submission",
    408: "The file arrives too slowly",
    409: "The submission is in another state",
    411: "Content-Length is missing",
    413: "The body is too large",
    422: "The request is not as it should be",
    429: "Too many requests",
    503: "No files are accepted at present",
    507: "The disk is full",
}


def described(*codes: int) -> dict[int | str, dict[str, Any]]:
    """The description of refusals for OpenAPI.

    Args:
        codes: HTTP statuses that a route may answer with.
    """
    schema = Answer.model_json_schema()
    return {
        code: {"description": _MEANINGS[code], "content": {MEDIA_TYPE: {"schema": schema}}}
        for code in codes
    }


@dataclass(eq=False)
class Problem(Exception):  # noqa: N818 - it is named after what it is in RFC 9457
    """A request that is refused.

    Attributes:
        status: HTTP status.
        id: short name of the problem.
        detail: what is wrong, in one line; texts of others with :func:`models_zoo.errors.shown`.
        fix: what to do, in one line.
        headers: of the answer.
    """

    status: int
    id: str
    detail: str
    fix: str
    headers: dict[str, str] = field(default_factory=dict)

    def body(self, request: str = "") -> dict[str, Any]:
        """The answer as JSON.

        Args:
            request: number of the request.
        """
        return Answer(
            type=f"urn:nonsingular:problem:{self.id}",
            title=HTTPStatus(self.status).phrase,
            status=self.status,
            detail=printable(self.detail),
            id=self.id,
            fix=printable(self.fix),
            request=request,
        ).model_dump()


def too_many(what: str, seconds: float) -> Problem:
    """The problem of a limit that will allow the request later.

    Args:
        what: the limit that was met.
        seconds: until when.
    """
    wait = max(1, math.ceil(seconds))
    return Problem(
        *(429, "too-many", what, f"try again in {wait} s"), headers={"Retry-After": str(wait)}
    )


def too_large(limit: int, what: str = "the body") -> Problem:
    """The problem of a body that is too long."""
    return Problem(413, "too-large", f"{what} is larger than {limit:,} bytes", "send less")


_NOT_JSON = Problem(
    *(400, "not-json", "the body is not JSON, or nested too deeply"),
    "correct it; /api/v1/openapi.json has the form",
)


def invalid(error: ValidationError | RequestValidationError) -> Problem:
    """The problem of JSON that is not what a route expects."""
    if isinstance(error, ValidationError):
        where, reason, _ = first_problem(error)
    else:
        first = error.errors()[0]
        if first["type"] == "json_invalid":
            return _NOT_JSON
        where, reason = ".".join(map(str, first["loc"][1:])), str(first["msg"])
    return Problem(
        *(422, "invalid", f"{where or 'the body'}: {reason}"),
        "correct it; /api/v1/openapi.json has the form",
    )


def answer(problem: Problem, request: str = "") -> JSONResponse:
    """The response to a request that is refused."""
    return JSONResponse(
        problem.body(request), problem.status, headers=problem.headers, media_type=MEDIA_TYPE
    )


def handle_problems(app: FastAPI) -> None:
    """Answer every error of the routes in the same form; none shows a traceback."""

    def respond(request: Request, error: Exception) -> JSONResponse:
        return answer(problem_of(error), request.scope.get("state", {}).get("request", ""))

    for kind in (Problem, WrongStateError, InputError, RequestValidationError, HTTPException):
        app.add_exception_handler(kind, respond)


def problem_of(error: Exception) -> Problem:
    """The problem that an error of a route is."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, WrongStateError):
        return Problem(409, "wrong-state", str(error), "look at its status")
    if isinstance(error, RequestValidationError):
        return invalid(error)
    if isinstance(error, InputError):
        return Problem(422, "invalid", str(error), "correct it and send it again")
    if isinstance(error, HTTPException):
        return _of_starlette(error)
    return FAULT


FAULT = Problem(
    500, "fault", "the service has a fault", "tell the operator the number of the request"
)


def _of_starlette(error: HTTPException) -> Problem:
    if error.status_code == 400:  # FastAPI raises it for a body that it cannot parse
        return _NOT_JSON
    known = {
        404: ("not-found", "there is nothing at this address", "see /api/v1/openapi.json"),
        405: ("wrong-method", "this address has other methods", "see /api/v1/openapi.json"),
    }
    number, detail, fix = known.get(
        error.status_code, ("refused", str(error.detail), "see /api/v1/openapi.json")
    )
    return Problem(error.status_code, number, detail, fix, dict(error.headers or {}))
