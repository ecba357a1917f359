"""The pages for people without a command line: a form, and the status of a submission."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import ChoiceLoader, Environment, PackageLoader
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from leaderboard.pages.environment import environment
from leaderboard.service.answers import status_of
from leaderboard.service.authentication import Doorkeeper
from leaderboard.service.form import read_form
from leaderboard.service.form_fields import description_of_fields
from leaderboard.service.intake import Intake
from leaderboard.service.problems import Problem, problem_of
from leaderboard.store.submission import OPEN
from models_zoo import list_architectures
from models_zoo.errors import InputError

routes = APIRouter(include_in_schema=False)

REFRESH_SECONDS = 5

_DRAINED = 64 << 20
"""Bytes of a refused form that are still read, so that the browser shows why it was refused rather
than that the connection was closed."""


@cache
def _templates() -> Environment:
    """The templates of the service, beside those of the site."""
    loaders = ChoiceLoader(
        [PackageLoader("leaderboard.service"), PackageLoader("leaderboard.pages")]
    )
    made = environment().overlay(loader=loaders)
    made.filters["moment"] = _moment
    return made


def _moment(seconds: float) -> str:
    """A time as people write it, in UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _page(template: str, code: int = 200, **values: Any) -> HTMLResponse:
    text = _templates().get_template(template).render(root="/", links=(), **values)
    return HTMLResponse(text.encode("utf-8", "replace"), code)


def _form(
    request: Request, code: int = 200, problem: Problem | None = None, **given: str
) -> HTMLResponse:
    intake: Intake = request.app.state.intake
    given.pop("token", None)  # it is not sent back
    return _page(
        "upload.html.j2",
        code,
        problem=problem,
        given=given,
        datasets=intake.settings.datasets,
        architectures=list_architectures(),
        largest=intake.settings.bounds.upload,
        approval=intake.settings.require_approval,
        closed=intake.closed,
    )


@routes.get("/upload")
def form(request: Request) -> HTMLResponse:
    """The form."""
    return _form(request)


@routes.post("/upload")
async def upload(request: Request) -> Response:
    """Take in a submission from the form; its token is one of the fields, never a cookie."""
    fields: dict[str, str] = {}
    stream = request.stream()
    try:
        number = await _take(request, stream, fields)
    except (Problem, InputError) as error:
        with suppress(ClientDisconnect):
            left = _DRAINED
            async for chunk in stream:
                left -= len(chunk)
                if left < 0:
                    break
        problem = problem_of(error)
        answer = await run_in_threadpool(_form, request, problem.status, problem, **fields)
        answer.headers.update(problem.headers)
        return answer
    return RedirectResponse(f"/submissions/{number}", 303)


async def _take(request: Request, stream: Any, fields: dict[str, str]) -> str:
    """The identifier of a submission whose file has arrived."""
    intake: Intake = request.app.state.intake
    doorkeeper: Doorkeeper = request.app.state.doorkeeper
    intake.require_room(int(request.headers.get("content-length", "0")))
    form = await read_form(stream, request.headers.get("content-type", ""))
    fields.update(form.fields)
    token = await run_in_threadpool(doorkeeper.require, form.fields.get("token", "").strip())
    if not form.file_name:
        raise Problem(422, "invalid", "no file is chosen", "choose a checkpoint")
    description = await run_in_threadpool(intake.describe, description_of_fields(form.fields))
    number = await run_in_threadpool(intake.create, token, description, form.file_name)
    submission = await run_in_threadpool(intake.submissions.get, number)
    if submission is None:
        raise Problem(409, "wrong-state", "the submission was removed", "send it again")
    try:
        await intake.receive(submission, form.content, 0)
    except Problem as problem:
        # A browser does not go on with a form.
        withdraw = intake.submissions.withdraw
        await run_in_threadpool(withdraw, number, token.id, problem.detail)
        await run_in_threadpool(intake.quarantine.remove, number)
        raise
    return number


@routes.get("/submissions/{number}")
def status(request: Request, number: str) -> HTMLResponse:
    """Where a submission is; who knows its address, which cannot be guessed, can see it."""
    intake: Intake = request.app.state.intake
    found = intake.submissions.get(number)
    if found is None:
        return _page("no_submission.html.j2", 404)
    return _page(
        "submission.html.j2",
        status=status_of(intake.submissions, found),
        refresh=REFRESH_SECONDS if found.state in OPEN else None,
    )
