"""Processes of their own for tests, forked from one that has imported what takes seconds to import.

A command in a new process imports PyTorch, which takes longer than most of what is tested. Here a
process imports it and other packages once, but nothing of this project, and is forked for every
command: what a command imports, reads from its environment and leaves behind is its own.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import runpy
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

IMPORTED = ("torch", "sqlalchemy", "alembic.command", "scipy.special", "PIL.Image", "pydantic")
"""What is imported before forks; of a bench of one model it takes four fifths of the seconds."""


@dataclass(frozen=True)
class Running:
    """A process that was forked.

    Attributes:
        pid: its number.
        out: the file it writes its standard output to.
        err: the file it writes its errors to.
    """

    pid: int
    out: Path
    err: Path
    _server: Forks

    def poll(self) -> int | None:
        """The exit code, negative for a signal; none while it runs."""
        return self._server.ask("poll", pid=self.pid)

    def wait(self) -> int:
        """The exit code, negative for a signal, once it has ended."""
        code = self._server.ask("wait", pid=self.pid)
        assert code is not None
        return code

    def kill(self) -> int:
        """End it with signal 9, if it runs; gives the exit code."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        return self.wait()


class Forks:
    """The process that is forked; it is started when it is first needed."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._folder = tempfile.TemporaryDirectory()
        self._started = 0

    def close(self) -> None:
        """End it, and remove what its forks wrote to their standard streams."""
        if self._process is not None:
            self._process.communicate()
        self._folder.cleanup()

    def ask(self, task: str, **details: Any) -> int | None:
        """Have it do something; gives its answer, a process or an exit code."""
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, str(Path(__file__))],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        asked, answered = self._process.stdin, self._process.stdout
        assert asked
        assert answered
        asked.write(json.dumps({"task": task} | details) + "\n")
        asked.flush()
        answer: int | None = json.loads(answered.readline())
        return answer

    def start(
        self,
        *arguments: object,
        module: str = "leaderboard.cli",
        code: str | None = None,
        folder: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> Running:
        """Run a command as ``python -m module ...`` or ``python -c code`` would.

        Args:
            *arguments: of the command.
            module: what is run.
            code: is run in its place.
            folder: to run in; the tests' own if none is given.
            environment: its variables; the tests' own if none are given. Those that the interpreter
                reads when it starts have no effect, but ``PYTHONPATH`` has.
        """
        self._started += 1
        out, err = (Path(self._folder.name) / f"{self._started}.{name}" for name in ("out", "err"))
        out.touch()
        err.touch()
        pid = self.ask(
            "fork",
            arguments=[str(each) for each in arguments],
            module=module,
            code=code,
            folder=str(folder or Path.cwd()),
            environment=dict(os.environ if environment is None else environment),
            streams=[os.devnull, str(out), str(err)],
        )
        assert pid is not None
        return Running(pid, out, err, self)

    def run(self, *arguments: object, **options: Any) -> subprocess.CompletedProcess[str]:
        """As :meth:`start`, to its end; what it printed is read as UTF-8."""
        running = self.start(*arguments, **options)
        code = running.wait()
        out, err = (path.read_bytes().decode("utf-8") for path in (running.out, running.err))
        return subprocess.CompletedProcess(list(map(str, arguments)), code, out, err)


def _serve(asked: IO[str], answered: IO[str]) -> dict[str, Any] | None:
    """Answer what is asked; a fork returns what it is to run, and the server nothing at the end."""
    codes: dict[int, int] = {}
    for line in asked:
        request: dict[str, Any] = json.loads(line)
        answer: int | None
        if request["task"] == "fork":
            answer = os.fork()
            if not answer:
                asked.close()
                answered.close()
                return request
        else:
            pid = request["pid"]
            if pid not in codes:
                ended, status = os.waitpid(pid, os.WNOHANG if request["task"] == "poll" else 0)
                if ended:
                    codes[pid] = os.waitstatus_to_exitcode(status)
            answer = codes.get(pid)
        answered.write(json.dumps(answer) + "\n")
        answered.flush()
    return None


def _live(request: dict[str, Any], own_paths: set[str]) -> None:
    """Be the process that was asked for."""
    for number, path in enumerate(request["streams"]):
        opened = os.open(path, os.O_CREAT | os.O_RDWR | os.O_TRUNC, 0o600)
        os.dup2(opened, number)
        os.close(opened)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    paths = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    sys.path[:] = ["", *paths, *(path for path in sys.path if path not in own_paths)]
    sys.argv = [request["module"], *request["arguments"]]
    if request["code"] is None:
        runpy.run_module(request["module"], run_name="__main__", alter_sys=True)
    else:
        exec(compile(request["code"], "<code>", "exec"), {"__name__": "__main__"})  # noqa: S102


if __name__ == "__main__":
    own = {str(Path(__file__).parent), *os.environ.get("PYTHONPATH", "").split(os.pathsep)}
    sys.path[:] = [path for path in sys.path if path != str(Path(__file__).parent)]
    for each in IMPORTED:
        __import__(each)
    gc.collect()
    gc.freeze()
    # The standard streams are those of the forks.
    with os.fdopen(os.dup(0), "r") as questions, os.fdopen(os.dup(1), "w") as answers:
        found = _serve(questions, answers)
    if found is not None:
        _live(found, own)
