"""A submission service as a process of its own, for measurements."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Self

import requests

from leaderboard.store import Store
from leaderboard.store.tokens import Tokens
from models_zoo.errors import InputError
from perf.local_servers import PATIENCE, free_port

BATTERY = """
name = "small"
dataset = "digits"
description = "A few probes with little effort."
default = ["clean", "intrinsic", "weight"]
[probes.clean]
[probes.intrinsic]
linf = [0.1]
headline = 0.1
steps = 5
restarts = 1
[probes.weight]
radii = [0.05, 0.1]
headline = 0.05
steps = 100
random_draws = 20
"""


class ServiceProcess:
    """``nonsingular serve`` and one worker, in a folder of their own.

    A context manager, inside which the service answers.

    Args:
        folder: of the database, the files and the logs.
        options: of ``nonsingular serve``.
        worker: whether a worker runs beside it.
    """

    def __init__(self, folder: Path, *options: str, worker: bool = True) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self._options, self._with_worker = folder, options, worker
        (folder / "small.toml").write_text(BATTERY)
        self.store = Store.open(folder / "nonsingular.sqlite")
        self.token = Tokens(self.store.engine).create("load")
        self._port = free_port()
        self.address = f"http://127.0.0.1:{self._port}"
        self.service: subprocess.Popen[bytes] | None = None
        self.worker: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        """Start, and wait until it answers."""
        self.start_service()
        self.wait()
        if self._with_worker:
            self.start_worker()
        return self

    def __exit__(self, *_: object) -> None:
        """End the processes."""
        for process in (self.service, self.worker):
            if process is not None:
                process.kill()
                process.wait()

    @property
    def pid(self) -> int:
        """Number of the service's process; 0 if it was not started."""
        return 0 if self.service is None else self.service.pid

    def start_service(self) -> None:
        """Start the service."""
        line = ["serve", "--port", str(self._port), "--battery", "small.toml", "--examples", "40"]
        self.service = self._start("serve", *line, *self._options)

    def start_worker(self) -> None:
        """Start the worker."""
        self.worker = self._start("worker", "worker")

    def wait(self) -> None:
        """Wait until the service answers.

        Raises:
            InputError: it does not.
        """
        end = time.monotonic() + 5 * PATIENCE
        while time.monotonic() < end:
            try:
                if requests.get(f"{self.address}/api/v1/health", timeout=5).ok:
                    return
            except requests.RequestException:
                time.sleep(0.2)
        raise InputError(f"the service does not answer; see {self.folder / 'serve.log'}")

    def ask(self, method: str, path: str, **options: Any) -> requests.Response:
        """A request to the API with the token."""
        headers = {"Authorization": f"Bearer {self.token}", **options.pop("headers", {})}
        address = f"{self.address}/api/v1{path}"
        return requests.request(method, address, headers=headers, timeout=120, **options)

    def _start(self, name: str, *line: str) -> subprocess.Popen[bytes]:
        with (self.folder / f"{name}.log").open("ab") as log:
            return subprocess.Popen(  # noqa: S603
                [sys.executable, "-m", "leaderboard.cli", *line],
                cwd=self.folder,
                stdout=log,
                stderr=log,
                env=os.environ | {"NONSINGULAR_CONFIG": ""},
            )
