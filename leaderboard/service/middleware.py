"""What every request passes: limits of its rate and its body, its log line, headers of its answer.

It is pure ASGI, so that bodies are streamed.
"""

from __future__ import annotations

import secrets
import time

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from leaderboard.service.log import log
from leaderboard.service.problems import FAULT, Problem, answer, too_large, too_many
from leaderboard.service.rates import Rates
from leaderboard.service.settings import Bounds

HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; font-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}
"""Of every answer. Charts and tables of the site have ``style`` attributes; no page has a script in
its text that a browser runs."""


class Front:
    """Numbers and logs requests, limits their rate and their bodies, and adds headers.

    Args:
        app: what answers them.
        bounds: how much anybody may send.
    """

    def __init__(self, app: ASGIApp, bounds: Bounds) -> None:
        self._app, self._bounds = app, bounds
        self._rates = Rates(bounds.requests)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        number = secrets.token_hex(8)
        scope.setdefault("state", {})["request"] = number
        started, status, sent, received = time.monotonic(), 0, 0, 0

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            return message

        async def answered(message: Message) -> None:
            nonlocal status, sent
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["x-request-id"] = number
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                is_site = scope["method"] in ("GET", "HEAD") and status in (200, 304)
                is_site = is_site and not scope["path"].startswith(("/api/", "/submissions/"))
                headers.setdefault("cache-control", "no-cache" if is_site else "no-store")
            elif message["type"] == "http.response.body":
                sent += len(message.get("body", b""))
            await send(message)

        try:
            refused = self._refusal(scope)
            app = self._app if refused is None else answer(refused, number)
            await app(scope, counted, answered)
        except Exception as error:
            log("fault", request=number, kind=type(error).__name__, where=_where(error))
            if not status:
                await answer(FAULT, number)(scope, receive, answered)
        finally:
            log(
                "request",
                request=number,
                method=scope["method"],
                path=scope["path"][:200],
                status=status,
                milliseconds=round(1000 * (time.monotonic() - started), 1),
                received=received,
                sent=sent,
            )

    def _refusal(self, scope: Scope) -> Problem | None:
        """Why a request is refused before anything of it is read."""
        address = (scope.get("client") or ("",))[0]
        if wait := self._rates.take(address):
            return too_many("there are too many requests from this address", wait)
        headers = Headers(scope=scope)
        if "transfer-encoding" in headers:
            # The server holds a body to its Content-Length, so that nothing else has to be counted.
            return Problem(
                *(411, "length-required", "the request does not say how long its body is"),
                "send Content-Length, and no Transfer-Encoding",
            )
        length = headers.get("content-length", "0")
        if not (length.isascii() and length.isdecimal()):
            return Problem(400, "bad-length", "Content-Length is not a number", "send a number")
        if not _is_upload(scope) and int(length[:20]) > self._bounds.body:
            return too_large(self._bounds.body)
        return None


def _is_upload(scope: Scope) -> bool:
    """Whether the body is a file, whose route limits it itself."""
    path = scope["path"]
    if scope["method"] == "PUT":
        is_of_api = path.startswith(("/api/v1/submissions/", "/api/v1/counterexamples/"))
        return bool(is_of_api and path.endswith("/file"))
    return bool(scope["method"] == "POST" and path == "/upload")


def _where(error: Exception) -> str:
    """The line of the program that raised an error; not its message, which may be private."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return ""
    return f"{trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}"
