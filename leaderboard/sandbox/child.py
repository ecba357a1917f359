"""Starting a child: a fresh interpreter in a closed environment, in the sandbox of a level."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

from leaderboard.sandbox import bubblewrap
from leaderboard.sandbox.environment import environment_of_child
from leaderboard.sandbox.inside import Setup
from leaderboard.sandbox.level import Level
from leaderboard.sandbox.limits import Limits
from leaderboard.sandbox.visible import SETTINGS, Visible, system_folders, visible
from models_zoo.display import shown
from models_zoo.errors import InputError

START = (
    "import sys; sys.path[:0] = sys.argv[1:]; from leaderboard.sandbox.inside import main; main()"
)
"""What the child's interpreter runs; ``-I`` keeps it from looking in places that others fill."""


@dataclass
class Child:
    """A process in the sandbox.

    Attributes:
        process: the process, or that of bubblewrap around it.
        setup: what it was told.
        folder: its private folder on this machine; ``None`` if it is in memory.
    """

    process: subprocess.Popen[bytes]
    setup: Setup
    folder: Path | None

    @property
    def streams(self) -> tuple[IO[bytes], IO[bytes], IO[bytes]]:
        """Its input, output and errors, which do not block."""
        found = self.process.stdin, self.process.stdout, self.process.stderr
        stdin, stdout, stderr = found
        if stdin is None or stdout is None or stderr is None:
            raise RuntimeError("a child has all its streams")
        return stdin, stdout, stderr

    def clean_up(self) -> None:
        """Close the streams and remove its private folder, once it has ended."""
        for stream in self.streams:
            with suppress(OSError):  # for what was still to be written
                stream.close()
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)


def start(
    level: Level,
    *,
    files: Mapping[str, Path],
    limits: Limits,
    packages: Sequence[str] = (),
    cpu_seconds: float | None = None,
    variables: Mapping[str, str] | None = None,
    gpu: bool = False,
) -> Child:
    """Start a child that waits for its first line, which is its :class:`Setup`.

    Args:
        level: how well it is isolated; the machine must have it.
        files: files and folders that it may read, by name.
        limits: what it may use.
        packages: packages besides ours that its code is imported from.
        cpu_seconds: processor time; ``None`` for no limit.
        variables: environment variables that it needs besides the usual.
        gpu: whether it may use the machine's GPUs.

    Raises:
        InputError: a file is not there.
    """
    real = {name: _real(path) for name, path in files.items()}
    seen = visible(tuple(packages))
    devices = gpu_files() if gpu else []
    command = [sys.executable, "-I", "-c", START, *seen.search_path]
    with ExitStack() as opened:
        if level == Level.BUBBLEWRAP:
            there = {
                name: bubblewrap.inside(n, each) for n, (name, each) in enumerate(real.items())
            }
            setup = Setup(level, limits, _texts(there), bubblewrap.TEMPORARY)
            options = opened.enter_context(tempfile.TemporaryFile())
            options.write(
                bubblewrap.options(
                    visible=seen,
                    files={there[name]: each for name, each in real.items()},
                    environment=environment_of_child(setup.temporary, variables or {}),
                    temporary_size=limits.file_size,
                    devices=devices,
                )
            )
            options.seek(0)
            passed, folder = [options.fileno()], None
            command = [bubblewrap.program() or "", "--args", str(passed[0]), "--", *command]
        else:
            folder = Path(tempfile.mkdtemp(prefix="nonsingular-sandbox-"))
            opened.callback(shutil.rmtree, folder, ignore_errors=True)
            passed = []
            setup = Setup(
                level,
                limits,
                _texts(real),
                str(folder),
                readable=_readable(seen, gpu=gpu),
                devices=devices,
                parent=os.getpid(),
            )
        process = subprocess.Popen(  # noqa: S603, our own command
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            cwd=folder or "/",
            env=environment_of_child(setup.temporary, variables or {}),
            pass_fds=passed,
            start_new_session=True,
        )
        if folder is not None:
            opened.pop_all()
    child = Child(process, replace(setup, cpu_seconds=cpu_seconds), folder)
    for stream in child.streams:
        os.set_blocking(stream.fileno(), False)
    return child


def _texts(paths: Mapping[str, Path]) -> dict[str, str]:
    return {name: str(path) for name, path in paths.items()}


def _real(path: Path) -> Path:
    """A file without links, so that what was looked at before is what the child sees."""
    try:
        return path.resolve(strict=True)
    except OSError as error:
        raise InputError(f"cannot read {shown(path)}: {error.strerror}") from error


def gpu_files() -> list[str]:
    """The device files of NVIDIA's GPUs."""
    found = {*Path("/dev").glob("nvidia*"), *Path("/dev/nvidia-caps").glob("*")}
    return sorted(str(path) for path in found if path.is_char_device())


def _readable(seen: Visible, *, gpu: bool) -> list[str]:
    """Paths that a child may read that isolates itself, besides its files."""
    more = [Path("/proc/driver/nvidia"), Path("/sys")] if gpu else []
    settings = [Path(name) for name in SETTINGS if Path(name).exists()]
    return [str(path) for path in (*system_folders(), *settings, *more, *seen.folders)]
