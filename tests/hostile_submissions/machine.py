"""A service and its worker as processes, with a home folder of their own that is watched."""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Self

import psutil
import requests

from perf.service_process import ServiceProcess
from tests.hostile_submissions.entry import MLP, Entry, content
from tests.hostile_submissions.sending import send
from tests.leaderboard.service.conftest import checkpoint

LOOKING = 0.05
"""Seconds between looks at the memory of processes."""


class Memory:
    """The most memory that a child of a process has held, by what the kernel says of its peak.

    Args:
        root: number of the process; what it starts is watched.
    """

    def __init__(self, root: int) -> None:
        self._root, self._peak, self._over = root, 0, threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to watch."""
        self._peak, self._over = 0, threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def stop(self) -> int:
        """Stop; returns bytes."""
        self._over.set()
        if self._thread is not None:
            self._thread.join()
        return self._peak

    def _watch(self) -> None:
        while not self._over.wait(LOOKING):
            with suppress(psutil.Error):
                for child in psutil.Process(self._root).children(recursive=True):
                    self._peak = max(self._peak, peak_of(child.pid))


def peak_of(pid: int) -> int:
    """The largest resident set that a process has had, in bytes; 0 if it has ended."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) << 10
    return 0


class Machine:
    """A service with the sandbox. A context manager, inside which it answers.

    Attributes:
        folder: of everything that it may write, with a folder ``home``.
        canary: a secret in the environment of the service.
        may_change: beginnings of what the service itself writes.

    Args:
        folder: that is there.
    """

    may_change: tuple[str, ...] = (
        *("service/serve.log", "service/worker.log", "service/nonsingular.sqlite"),
        *(
            "service/site",
            "service/.site.",
            "service/.nonsingular/checkpoints",
            "file",
            "home/.cache",
        ),
    )

    def __init__(self, folder: Path) -> None:
        self.folder, self.canary = folder, "canary-of-the-environment"
        (folder / "home").mkdir()
        os.environ.update(
            HOME=str(folder / "home"),
            XDG_CACHE_HOME=str(folder / "home" / ".cache"),
            NONSINGULAR_CANARY=self.canary,
        )
        options = ("--requests", "1000000", "--daily", "1000000", "--max-upload", "256")
        self.service = ServiceProcess(folder / "service", *options)

    def __enter__(self) -> Self:
        """Start it."""
        self.service.__enter__()
        assert self.service.service is not None
        self.memory = Memory(self.service.service.pid)
        health = requests.get(f"{self.service.address}/api/v1/health", timeout=60).json()
        self.level = health["isolation"]
        return self

    def __exit__(self, *details: object) -> None:
        """End it."""
        self.service.__exit__(*details)

    def ask(
        self,
        method: str,
        path: str,
        data: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """A request with a submitter's token."""
        return self.service.ask(method, path, data=data, headers=dict(headers or {}))

    def healthy(self) -> bool:
        """Whether the service answers within ten seconds."""
        with suppress(requests.RequestException):
            return requests.get(f"{self.service.address}/api/v1/health", timeout=10).ok
        return False

    def honest(self, name: str) -> str:
        """Submit a sound model of another function each time; returns in which state it ends."""
        data = checkpoint(len(name))
        path = self.folder / "file"
        path.write_bytes(data)
        entry = Entry("honest", name, content(data), frozenset(), MLP, "model.safetensors", True)
        answer = send(self.ask, entry, path)
        path.unlink()
        end = time.monotonic() + 600
        state = answer.state
        while state in ("queued", "running") and time.monotonic() < end:
            time.sleep(0.5)
            state = self.ask("GET", f"/submissions/{answer.number}").json()["state"]
        return f"{state} {sorted(answer.ids)}" if state != "done" else state

    def finish(self) -> None:
        """Wait until no submission is scored any more."""
        end = time.monotonic() + 600
        while time.monotonic() < end:
            states = {each["state"] for each in self.ask("GET", "/submissions").json()}
            if not states & {"queued", "running", "checking"}:
                return
            time.sleep(0.5)

    def witnesses(self, name: str) -> list[str]:
        """Files of a name where code that escapes would write them."""
        places = [Path("/"), Path("/srv"), Path.home(), Path.cwd(), Path(tempfile.gettempdir())]
        return [str(place / name) for place in places if (place / name).exists()]
