"""What a parent and its child say to each other, while the parent watches what the child uses."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable
from typing import Any

from leaderboard.sandbox import protocol
from leaderboard.sandbox.child import Child
from leaderboard.sandbox.errors import (
    Crashed,
    Failed,
    OutOfMemory,
    OutOfTime,
    SandboxError,
    TooMuchOutput,
)
from leaderboard.sandbox.level import Level
from leaderboard.sandbox.watch import Process, descendants, end_all, folder_size, usage_of
from models_zoo.errors import InputError, reason_of

LOOKING_SECONDS = 0.1
"""How often the parent looks at what its child uses."""

STARTING_SECONDS = 60.0
"""How long a child may take until it is isolated, on a busy machine."""

STDERR = 16 * 1024
"""Bytes of the standard error that are kept, its last ones."""

_CHUNK = 256 * 1024

OnLine = Callable[[dict[str, Any]], None]


class Conversation:
    """Sends requests to a child and reads its answers.

    Attributes:
        answered: whether the child has answered everything that it was sent, so that it can be
            sent more.

    Args:
        child: was just started.
    """

    def __init__(self, child: Child) -> None:
        self.answered = True
        self._child = child
        self._limits = child.setup.limits
        self._known: set[Process] = set()
        self._reader = protocol.Reader(self._limits)
        self._stderr, self._stderr_total = b"", 0
        self._looked = 0.0
        # With a filter of system calls, the processes of a child that is set up stay the same.
        self._constant = child.setup.level > Level.LIMITS and self._limits.processes == 1
        self._set_up = False

    @property
    def stderr(self) -> str:
        """The last of what the child wrote to its standard error: hostile."""
        return self._stderr.decode("utf-8", "replace")

    def set_up(self) -> None:
        """Tell the child its limits, and wait until it is isolated.

        Raises:
            SandboxError: it cannot be.
        """
        self._exchange(self._child.setup.to_line(), STARTING_SECONDS, None, None)
        self._known = descendants(self._child.process.pid, self._known)
        self._set_up = True

    def ask(
        self,
        target: str,
        request: dict[str, Any],
        on_line: OnLine | None,
        on_wait: Callable[[], None] | None,
    ) -> dict[str, Any]:
        """As :meth:`leaderboard.sandbox.worker.SandboxedWorker.call`."""
        message = protocol.encode({"target": target, "request": request})
        return self._exchange(message, self._limits.seconds, on_line, on_wait)

    def close(self) -> None:
        """End the child with all that it started, and remove its private folder."""
        end_all(self._child.process.pid, self._known)
        self._child.process.kill()  # where processes cannot be looked up
        self._child.process.wait()
        self._child.clean_up()

    def _exchange(
        self,
        message: bytes,
        seconds: float,
        on_line: OnLine | None,
        on_wait: Callable[[], None] | None,
    ) -> dict[str, Any]:
        """Send a line, pass lines on and return the answer."""
        stdin, stdout, stderr = self._child.streams
        self._reader.begin()
        self._stderr_total = 0
        self.answered = False
        begun = last = time.monotonic()
        with selectors.DefaultSelector() as waiting:
            waiting.register(stdin, selectors.EVENT_WRITE)
            waiting.register(stdout, selectors.EVENT_READ)
            waiting.register(stderr, selectors.EVENT_READ)
            while True:
                for key, _ in waiting.select(LOOKING_SECONDS):
                    if key.fileobj is stdin:
                        message = _written(key.fd, message)
                        if not message:
                            waiting.unregister(stdin)
                    elif key.fileobj is stderr:
                        if not self._heard(_read(key.fd)):
                            waiting.unregister(stderr)
                    else:
                        for kind, content in self._messages(_read(key.fd)):
                            if kind != protocol.LINE:
                                self.answered = True
                                return self._answer(kind, content)
                            last = time.monotonic()
                            if on_line is not None:
                                on_line(content)
                self._require_time(begun, last, seconds)
                if time.monotonic() - self._looked >= LOOKING_SECONDS:
                    self._look()
                    if on_wait is not None:
                        on_wait()

    def _heard(self, chunk: bytes) -> bool:
        """Keep the last of the standard error; whether there was more of it."""
        self._stderr = (self._stderr + chunk)[-STDERR:]
        self._stderr_total += len(chunk)
        if self._stderr_total > 2 * self._limits.answer:
            raise TooMuchOutput(
                f"the process in the sandbox printed more than {2 * self._limits.answer:,} bytes"
            )
        return bool(chunk)

    def _messages(self, chunk: bytes) -> list[tuple[str, Any]]:
        if not chunk:
            raise self._ended()
        messages = list(self._reader.feed(chunk))
        if any(kind != protocol.LINE for kind, _ in messages[:-1]):
            raise TooMuchOutput("the process in the sandbox sent more after its answer")
        return messages

    def _answer(self, kind: str, content: Any) -> dict[str, Any]:
        """The answer, or what was raised in its place."""
        if kind == protocol.ANSWER:
            answer: dict[str, Any] = content
            return answer
        if kind == protocol.REFUSED:
            raise InputError(content)
        if kind == protocol.MEMORY:
            self.answered = False  # what it holds may be incomplete
            raise self._too_much_memory()
        lines = str(content).strip().splitlines() or ["an exception without a text"]
        raise Failed(reason_of(ValueError(lines[-1])), str(content))

    def _require_time(self, begun: float, last: float, seconds: float) -> None:
        now, silence = time.monotonic(), self._limits.silence
        if now - begun > seconds:
            raise OutOfTime(f"no answer within {seconds:g} s")
        if silence is not None and now - last > silence:
            raise OutOfTime(f"no sign of progress for {silence:g} s")

    def _look(self) -> None:
        """Check what the child uses."""
        if not (self._constant and self._set_up):
            self._known = descendants(self._child.process.pid, self._known)
        usage = usage_of(self._known)
        # bubblewrap has two processes of its own
        own = 2 if self._child.setup.level == Level.BUBBLEWRAP else 0
        if usage.memory > self._limits.memory:
            raise self._too_much_memory()
        if usage.processes > self._limits.processes + own:
            raise OutOfMemory(f"more than the {self._limits.processes} processes that it may start")
        if usage.threads > self._limits.threads + own:
            raise OutOfMemory(f"more than the {self._limits.threads} threads that it may start")
        folder = self._child.folder
        if folder is not None and folder_size(folder) > self._limits.file_size:
            raise TooMuchOutput(f"more than {self._limits.file_size:,} bytes of temporary files")
        self._looked = time.monotonic()

    def _too_much_memory(self) -> OutOfMemory:
        return OutOfMemory(f"more than the {self._limits.memory_text} of memory that it may use")

    def _ended(self) -> SandboxError:
        """Why a child has closed its output: in most cases it has ended."""
        try:
            status = self._child.process.wait(timeout=1.0)
        except subprocess.TimeoutExpired:
            return TooMuchOutput("the process in the sandbox closed its output without an answer")
        while self._heard(_read(self._child.streams[2].fileno())):
            pass
        error = Crashed(status, self.stderr)
        if error.signal == signal.SIGXCPU:
            return OutOfTime("more processor time than it may use")
        return error


def _written(descriptor: int, message: bytes) -> bytes:
    """What is left of a message after a part was written; nothing if the reader has ended."""
    try:
        return message[os.write(descriptor, message[:_CHUNK]) :]
    except BlockingIOError:
        return message
    except BrokenPipeError:
        return b""


def _read(descriptor: int) -> bytes:
    """What there is to read; nothing at the end."""
    try:
        return os.read(descriptor, _CHUNK)
    except BlockingIOError:
        return b""
