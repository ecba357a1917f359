"""Receiving a file: it is written, hashed and counted as its bytes arrive.

Nothing but what has arrived is kept in memory, and nothing is believed of what was announced.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Protocol

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from leaderboard.service.problems import Problem, too_large, too_many
from leaderboard.service.quarantine import Quarantine
from leaderboard.service.settings import Bounds

if TYPE_CHECKING:
    from collections.abc import Iterator

_BLOCK = 1 << 20

_BUSY_SECONDS = 5.0
"""After how long to try again where too many files arrive at once."""


class Hash(Protocol):
    """A hash that is computed piece by piece."""

    def update(self, data: bytes, /) -> None:
        """Go on with some bytes."""

    def hexdigest(self) -> str:
        """The hash of all so far."""


class Receiver:
    """Receives the files of submissions.

    Args:
        quarantine: where they are written.
        bounds: how much anybody may send.
    """

    def __init__(self, quarantine: Quarantine, bounds: Bounds) -> None:
        self._quarantine, self._bounds = quarantine, bounds
        self._running: dict[str, str] = {}

    @contextmanager
    def slot(self, number: str, token: str) -> Iterator[None]:
        """A place among the files that arrive at once; used in the event loop's thread only.

        Raises:
            Problem: there is none, or the same file arrives already.
        """
        if number in self._running:
            raise Problem(
                *(409, "upload-running", f"another request uploads the file of {number}"),
                "wait until it has ended, and ask where to go on",
            )
        per_token = Counter(self._running.values())[token]
        if (
            len(self._running) >= self._bounds.uploads
            or per_token >= self._bounds.uploads_per_token
        ):
            raise too_many("too many files arrive at once", _BUSY_SECONDS)
        self._running[number] = token
        try:
            yield
        finally:
            del self._running[number]

    def require_room(self, size: int) -> None:
        """Check that a file of a size can be kept.

        Raises:
            Problem: it is too large, or the disk too full.
        """
        if size > self._bounds.upload:
            raise too_large(self._bounds.upload, "the file")
        if self._quarantine.free() - size < self._bounds.disk_reserve:
            raise Problem(
                *(507, "disk-full", "the disk of the service is full"), "tell its operator"
            )

    async def receive(
        self, number: str, stream: AsyncIterator[bytes], offset: int, most: int
    ) -> tuple[int, str]:
        """Write what arrives of a file.

        Args:
            number: of the submission.
            stream: the bytes.
            offset: where in the file they begin; at most what has arrived of it.
            most: maximum size of the whole file.

        Returns:
            Size and SHA-256 of what there is of the file now.

        Raises:
            Problem: more arrives than announced, or nothing for too long, or too slowly, or the
                connection was lost. What had arrived is kept.
        """
        file = await run_in_threadpool(self._quarantine.open, number, offset)
        with file:
            hashed = await run_in_threadpool(_hash_of, file, offset)
            started, size = time.monotonic(), offset
            async for chunk in self._within_time(stream):
                size += len(chunk)
                if size > most:
                    file.truncate(0)
                    raise too_large(most, "the file")
                file.write(chunk)
                hashed.update(chunk)
                self._require_fast(size - offset, time.monotonic() - started)
            return size, hashed.hexdigest()

    async def _within_time(self, stream: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """What arrives, as long as it does."""
        while True:
            try:
                async with asyncio.timeout(self._bounds.silence):
                    chunk = await anext(stream)
            except StopAsyncIteration:
                return
            except TimeoutError:
                raise _slow(f"nothing arrived for {self._bounds.silence:g} s") from None
            except ClientDisconnect:
                raise Problem(
                    *(400, "disconnected", "the connection was lost"), "go on from the offset"
                ) from None
            yield chunk

    def _require_fast(self, size: int, seconds: float) -> None:
        if seconds > self._bounds.grace and size < self._bounds.rate * seconds:
            raise _slow(f"less than {self._bounds.rate:,} bytes per second arrive")


def _slow(detail: str) -> Problem:
    return Problem(408, "too-slow", detail, "go on from the offset that HEAD of this address tells")


def _hash_of(file: IO[bytes], size: int) -> Hash:
    """The hash of the first bytes of a file, which is left at their end."""
    hashed = hashlib.sha256()
    file.seek(0)
    left = size
    while left and (block := file.read(min(_BLOCK, left))):
        hashed.update(block)
        left -= len(block)
    file.seek(size)
    return hashed
