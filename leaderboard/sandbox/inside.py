"""The child: isolates itself further, then answers requests until its parent has no more.

It is started as ``main(descriptors)``. The first line of its input is a :class:`Setup`; each line
after that is a request. Nothing that was submitted is touched before the isolation is complete.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from importlib import import_module
from pathlib import Path
from typing import IO, Any

from leaderboard.sandbox import kernel, landlock, protocol, seccomp
from leaderboard.sandbox.level import Level
from leaderboard.sandbox.limits import Limits, apply, apply_processes

Emit = Callable[[dict[str, Any]], None]

Function = Callable[[dict[str, Any], dict[str, Path], Emit], dict[str, Any]]
"""What a request calls: its content, the paths of the files by name, and a function that sends a
line; what it returns is the answer."""


@dataclass(frozen=True)
class Setup:
    """What the parent tells its child first.

    Attributes:
        level: how well the child is isolated.
        limits: what it may use.
        files: paths of its files, by name.
        readable: paths that it may read, besides its files, where it isolates itself.
        temporary: its private folder, which it may write to.
        devices: device files that it may use, likewise.
        parent: number of the parent's process; 0 where the child cannot see it.
        cpu_seconds: processor time; ``None`` for no limit.
    """

    level: Level
    limits: Limits
    files: dict[str, str]
    temporary: str
    readable: list[str] = field(default_factory=list)
    devices: list[str] = field(default_factory=list)
    parent: int = 0
    cpu_seconds: float | None = None

    def to_line(self) -> bytes:
        """As the first line of the child's input."""
        return protocol.encode(asdict(self))

    @classmethod
    def of_line(cls, line: bytes) -> Setup:
        """From the first line of the child's input."""
        given = json.loads(line)
        limits = Limits(**given.pop("limits"))
        return cls(level=Level(given.pop("level")), limits=limits, **given)


def main() -> None:
    """Answer the requests of the parent."""
    questions, answers = _own_streams()
    setup = Setup.of_line(questions.readline())
    _isolate(setup)
    files = {name: Path(path) for name, path in setup.files.items()}
    _send(answers, {protocol.ANSWER: {"level": setup.level.value}})
    for line in questions:
        request = json.loads(line)
        _send(answers, _answer(request["target"], request["request"], files, answers))


def _own_streams() -> tuple[IO[bytes], IO[bytes]]:
    """The streams of messages; what code prints goes to the standard error, and it reads none."""
    questions, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return questions, answers


def _isolate(setup: Setup) -> None:
    """Give up what the level says, for good; the filter of system calls comes last."""
    if sys.platform == "linux":
        kernel.end_with_parent(setup.parent)
    apply(setup.limits, setup.cpu_seconds)
    if setup.level == Level.LIMITS:
        apply_processes(setup.limits)
        return
    kernel.gain_nothing()
    if setup.level == Level.LANDLOCK:
        landlock.restrict(
            readable=[*setup.readable, *setup.files.values(), *landlock.READABLE],
            writable=[setup.temporary],
            devices=[*landlock.DEVICES, *setup.devices],
        )
    seccomp.install(alone=setup.limits.processes == 1)


def _answer(
    target: str, request: dict[str, Any], files: Mapping[str, Path], answers: IO[bytes]
) -> dict[str, Any]:
    """What a function answers, or how it failed, as a message."""
    try:
        answer = _function(target)(
            request, dict(files), lambda line: _send(answers, {protocol.LINE: line})
        )
        protocol.encode(answer)
    except MemoryError:
        return {protocol.MEMORY: traceback.format_exc()[-protocol.TEXT :]}
    except Exception as error:
        # Only a function that has imported the class can have raised it.
        errors = sys.modules.get("models_zoo.errors")
        if errors is not None and isinstance(error, errors.InputError):
            return {protocol.REFUSED: str(error)}
        # PyTorch's own word for a failed allocation, which is a RuntimeError
        out_of_memory = "not enough memory" in str(error) or "out of memory" in str(error)
        kind = protocol.MEMORY if out_of_memory else protocol.FAILED
        return {kind: traceback.format_exc()[-protocol.TEXT :]}
    return {protocol.ANSWER: answer}


def _function(target: str) -> Function:
    """The function that a target names, as ``package.module:function``."""
    module, _, name = target.partition(":")
    function: Function = getattr(import_module(module), name)
    return function


def _send(answers: IO[bytes], message: dict[str, Any]) -> None:
    answers.write(protocol.encode(message))
    answers.flush()
