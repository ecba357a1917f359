"""A child in the sandbox that answers one request after another, and one that answers only one."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from leaderboard.sandbox.child import Child, start
from leaderboard.sandbox.conversation import Conversation, OnLine
from leaderboard.sandbox.level import Level, require
from leaderboard.sandbox.limits import Limits


class SandboxedWorker:
    """A child in the sandbox that answers one request after another.

    What a request loads is there for the next one: modules keep their state. The child is not
    started before the first request. It ends with its parent, and with the thread that sent the
    first request. After any exception but an :class:`~models_zoo.errors.InputError` or
    :class:`~leaderboard.sandbox.errors.Failed` of the function it is ended, and the next request
    starts another.

    Args:
        files: files and folders that it may read, by name.
        limits: what it may use; time is per request.
        level: how well it is isolated; by default as well as this machine can.
        packages: packages besides ours that targets are in.
        variables: environment variables that it needs besides the usual.
        gpu: whether it may use the machine's GPUs.
        one_request: whether it gets one request only, so that its processor time has a limit too.

    Raises:
        InputError: this machine does not have the level.
    """

    def __init__(
        self,
        *,
        files: Mapping[str, Path],
        limits: Limits,
        level: Level | None = None,
        packages: Sequence[str] = (),
        variables: Mapping[str, str] | None = None,
        gpu: bool = False,
        one_request: bool = False,
    ) -> None:
        self.level = require(level)
        self._files = dict(files)
        self._limits = limits
        self._packages = tuple(packages)
        self._variables = dict(variables or {})
        self._gpu = gpu
        self._cpu_seconds = limits.seconds * (os.cpu_count() or 1) if one_request else None
        self._conversation: Conversation | None = None

    def __enter__(self) -> Self:
        """The worker itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the child."""
        self.close()

    @property
    def stderr(self) -> str:
        """The last of what the child wrote to its standard error: hostile."""
        return "" if self._conversation is None else self._conversation.stderr

    def call(
        self,
        target: str,
        request: Mapping[str, Any],
        on_line: OnLine | None = None,
        on_wait: Callable[[], None] | None = None,
    ) -> dict[str, Any]:
        """Have a function called in the child.

        Args:
            target: the function, as ``package.module:function``; see
                :data:`leaderboard.sandbox.inside.Function`.
            request: its first argument, as JSON.
            on_line: is called with each line that the function sends: hostile.
            on_wait: is called about ten times a second; what it raises ends the child.

        Returns:
            What the function returned: hostile.

        Raises:
            InputError: the function raised one; the text is the same.
            OutOfTime: no answer within the limit.
            OutOfMemory: it used more memory, processes or threads than it may.
            TooMuchOutput: what it sent is too long, or not an answer.
            Failed: the function raised another exception.
            Crashed: the child ended without an answer.
        """
        try:
            if self._conversation is None:
                self._conversation = Conversation(self._start())
                self._conversation.set_up()
            return self._conversation.ask(target, dict(request), on_line, on_wait)
        finally:
            if self._conversation is not None and not self._conversation.answered:
                self.close()

    def close(self) -> None:
        """End the child with all that it started, and remove its private folder."""
        conversation, self._conversation = self._conversation, None
        if conversation is not None:
            conversation.close()

    def _start(self) -> Child:
        return start(
            self.level,
            files=self._files,
            limits=self._limits,
            packages=self._packages,
            cpu_seconds=self._cpu_seconds,
            variables=self._variables,
            gpu=self._gpu,
        )


def run_sandboxed(
    target: str,
    request: Mapping[str, Any],
    *,
    files: Mapping[str, Path],
    limits: Limits,
    level: Level | None = None,
    on_line: OnLine | None = None,
) -> dict[str, Any]:
    """Call a function in a child in the sandbox, which ends with it.

    Args:
        target: the function, as ``package.module:function``. It is called with the request, the
            paths of the files inside the sandbox by name, and a function that sends a line, a
            dictionary, to ``on_line``. What it returns, a dictionary, is the answer.
        request: its first argument, as JSON.
        files: files and folders that it may read, by name.
        limits: what it may use.
        level: how well it is isolated; by default as well as this machine can.
        on_line: is called with each line that the function sends: hostile.

    Returns:
        What the function returned: hostile.

    Raises:
        InputError: the function raised one, with the same text; or this machine does not have the
            level.
        SandboxError: it did not answer, see :meth:`SandboxedWorker.call`.
    """
    package = target.partition(":")[0].partition(".")[0]
    with SandboxedWorker(
        files=files, limits=limits, level=level, packages=(package,), one_request=True
    ) as worker:
        return worker.call(target, request, on_line)
