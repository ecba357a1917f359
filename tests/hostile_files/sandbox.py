"""Runs cases, each in a process of its own that is forked from one with everything imported."""

from __future__ import annotations

import dataclasses
import gc
import hashlib
import io
import json
import os
import re
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from tests.hostile_files.case import Answer, Case

LIMIT = 60
"""CPU seconds after which a case is killed."""

WAITING = 60
"""Seconds after which a case that waits for something is killed."""

BEYOND = 3 << 30
"""Bytes of writable memory that a case may ask for beyond what is imported."""

_FOLDERS = ("home", "tmp", "work")
_PROGRAMS = ("os.system", "os.exec", "os.posix_spawn", "os.spawn", "subprocess.Popen", "pty.spawn")
_SANDBOX = "from leaderboard.sandbox.inside import main"
"""In the command of the one program that may be started: a child in the suite's own sandbox."""
_CHANGES = ("os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.link", "os.symlink", "os.chmod")
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def answers(cases: Iterable[Case], scratch: Path, jobs: int = 1) -> Iterator[tuple[Case, Answer]]:
    """Run cases, in order where there is one job.

    Args:
        cases: what is run.
        scratch: a folder that is there; what is made in it is removed.
        jobs: processes at once.
    """
    # Reading ONNX files imports PyTorch's compiler, which creates a temporary folder on import.
    import torch._inductor.config  # noqa: F401

    gc.freeze()
    waiting: dict[int, tuple[Case, Path]] = {}
    for case in cases:
        folder = Path(tempfile.mkdtemp(dir=scratch))
        waiting[_start(case, folder)] = case, folder
        if len(waiting) >= jobs:
            yield _finished(waiting)
    while waiting:
        yield _finished(waiting)


def _start(case: Case, folder: Path) -> int:
    sys.stdout.flush()
    sys.stderr.flush()
    process = os.fork()
    if process:
        return process
    code = 70
    try:
        _live(case, folder)
        code = 0
    except BaseException:
        import traceback

        (folder / "fault").write_text(traceback.format_exc(), "utf-8", "replace")
    finally:
        os._exit(code)


def _finished(waiting: dict[int, tuple[Case, Path]]) -> tuple[Case, Answer]:
    process, status, _ = os.wait4(-1, 0)
    case, folder = waiting.pop(process)
    try:
        if (folder / "fault").exists():
            raise RuntimeError(f"{case.kind}: {case.name}: {(folder / 'fault').read_text('utf-8')}")
        if (folder / "answer").exists():
            return case, Answer(**json.loads((folder / "answer").read_text("utf-8")))
        return case, Answer(code=None, signal=os.WTERMSIG(status))
    finally:
        _remove(folder)


def _remove(folder: Path) -> None:
    for path in [folder, *folder.rglob("*")]:
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o755)
    shutil.rmtree(folder, ignore_errors=True)


def _live(case: Case, folder: Path) -> None:
    """Build the case and run it, in this process; its answer is left in the folder."""
    signal.alarm(WAITING)
    resource.setrlimit(resource.RLIMIT_CPU, (LIMIT, LIMIT))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sandbox = folder / "sandbox"
    for name in _FOLDERS:
        (sandbox / name).mkdir(parents=True)
    work = sandbox / "work"
    os.chdir(work)
    os.environ.update(
        {"HOME": str(sandbox / "home"), "TMPDIR": str(sandbox / "tmp"), "COLUMNS": "80"}
        | {"XDG_CACHE_HOME": str(sandbox / "home"), "NONSINGULAR_CACHE": str(sandbox / "home")}
        | dict(case.environment)
    )
    tempfile.tempdir = None
    sys.dont_write_bytecode = True
    arguments = [
        os.fspath(each) if isinstance(each, Path) else str(each) for each in case.build(work)
    ]
    before = _contents(sandbox)
    streams = [os.open(folder / name, os.O_CREAT | os.O_RDWR) for name in ("out", "err")]
    if case.closed:
        reader, writer = os.pipe()
        os.close(reader)
        os.dup2(writer, 1)
    else:
        os.dup2(streams[0], 1)
    os.dup2(streams[1], 2)
    for number, name in ((1, "stdout"), (2, "stderr")):
        stream = io.TextIOWrapper(io.FileIO(number, "w", closefd=False), case.encoding)
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    deeds = _watched(sandbox)
    Path("/proc/self/clear_refs").write_text("5")  # the peak of memory begins anew
    # Writable memory, and not the address space, of which the renderer of charts reserves more.
    usual = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (_writable() + BEYOND, usual[1]))
    start = time.process_time()
    code = _command(case, arguments)
    seconds = time.process_time() - start
    resource.setrlimit(resource.RLIMIT_DATA, usual)
    sys.stdout.flush()
    sys.stderr.flush()
    seen = list(deeds)
    after = _contents(sandbox)
    answer = Answer(
        code=code,
        out=(folder / "out").read_bytes().decode(case.encoding, "backslashreplace"),
        err=(folder / "err").read_bytes().decode(case.encoding, "backslashreplace"),
        changes=sorted({*before, *after} - {k for k in after if before.get(k) == after[k]}),
        deeds=seen,
        seconds=seconds,
        memory=_peak(),
    )
    (folder / "answer").write_text(json.dumps(dataclasses.asdict(answer)), "utf-8")


def _writable() -> int:
    """Bytes of private memory that this process may write to."""
    found = re.search(r"^VmData:\s+(\d+) kB$", Path("/proc/self/status").read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1]) << 10


def _command(case: Case, arguments: list[str]) -> int:
    from leaderboard.cli import run
    from leaderboard.terminal.output import prepare_streams

    prepare_streams()
    sys.argv = ["nonsingular", *arguments]
    return run(arguments) if case.run is None else case.run(arguments)


def _watched(sandbox: Path) -> list[str]:
    """Deeds that no command may do, as they are done: a list that grows."""
    deeds: list[str] = []
    inside = (f"{sandbox}/", "/dev/null", "/proc/")  # the last is where cases ask for it

    def elsewhere(place: Any) -> bool:
        if isinstance(place, int):
            return False
        path = os.path.abspath(os.fsdecode(place))  # noqa: PTH100 - no event of its own
        return not f"{path}/".startswith(inside)

    def hook(event: str, details: tuple[Any, ...]) -> None:
        if event in _PROGRAMS and _SANDBOX not in str(details):
            deeds.append(f"a program is started: {event} {str(details)[:200]}")
        elif event == "socket.connect":
            deeds.append(f"a connection is made: {str(details[1:])[:200]}")
        elif event == "open" and details[2] & _WRITING and elsewhere(details[0]):
            deeds.append(f"written elsewhere: {str(details[0])[:200]}")
        elif event in _CHANGES and elsewhere(details[0]) and details[-1] == -1:
            deeds.append(f"changed elsewhere: {event} {str(details)[:200]}")

    sys.addaudithook(hook)
    return deeds


def _contents(folder: Path) -> dict[str, list[object]]:
    """Everything below a folder, with what tells whether it changed."""
    found: dict[str, list[object]] = {}
    for root, folders, files in os.walk(folder):
        for name in [*folders, *files]:
            path = os.path.join(root, name)  # noqa: PTH118 - names that are not UTF-8
            state = os.lstat(path)
            shown = os.fsencode(os.path.relpath(path, folder)).decode("utf-8", "backslashreplace")
            facts: list[object] = [state.st_mode, state.st_size if name in files else 0]
            if os.path.islink(path):  # noqa: PTH114
                facts.append(os.readlink(path))  # noqa: PTH115
            elif os.path.isfile(path) and state.st_size < 1 << 22 and os.access(path, os.R_OK):  # noqa: PTH113
                facts.append(hashlib.sha256(Path(path).read_bytes()).hexdigest())
            found[shown] = facts
    return found


def _peak() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM"))


signal.signal(signal.SIGPIPE, signal.SIG_IGN)
