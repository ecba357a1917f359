"""Coroutines in tests, also where the thread of the test already runs an event loop."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from anyio.from_thread import start_blocking_portal

Result = TypeVar("Result")


def run(function: Callable[[], Awaitable[Result]]) -> Result:
    """Return what the coroutine of ``function`` returns, from an event loop in another thread.

    ``asyncio.run`` refuses to run within a running loop. Playwright's fixture leaves one running
    for the rest of the process, so whether a test could use it would depend on the tests before.
    """
    with start_blocking_portal() as portal:
        return portal.call(function)
