"""A PostgreSQL server and a Ray cluster of two nodes on this machine, to be killed."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Self

import psutil
import sqlalchemy as sa

from models_zoo.errors import InputError

PATIENCE = 60.0
"""Seconds to wait until a server answers."""


def free_port() -> int:
    """A port of this machine that nothing listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


class PostgresServer:
    """A PostgreSQL server of its own, with its files in a folder.

    Args:
        folder: a new folder.

    Raises:
        InputError: PostgreSQL is not installed.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._port = folder, free_port()
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
        if not found:
            raise InputError("PostgreSQL is not installed; install Debian's package postgresql")
        self._programs = found[-1]
        self._owner = "postgres" if os.geteuid() == 0 else None  # it refuses to run as root

    def __enter__(self) -> Self:
        """Make a database and start the server."""
        self._folder.mkdir(parents=True)
        for parent in (self._folder, self._folder.parent):
            parent.chmod(0o755)
        if self._owner:
            shutil.chown(self._folder, self._owner)
        initdb = str(self._programs / "initdb")
        line = [initdb, "-D", str(self._folder), "-U", "tester", "-A", "trust"]
        subprocess.run(  # noqa: S603
            line, check=True, capture_output=True, user=self._owner, cwd="/"
        )
        self._start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the server."""
        self._process.send_signal(signal.SIGINT)
        self._process.wait()

    def url(self, database: str = "postgres") -> str:
        """The address of a database on this server."""
        return f"postgresql+psycopg://tester@127.0.0.1:{self._port}/{database}"

    def create(self, database: str) -> str:
        """Create a database, and return its address."""
        engine = sa.create_engine(self.url(), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(sa.text(f'CREATE DATABASE "{database}"'))
        engine.dispose()
        return self.url(database)

    def kill_and_start(self) -> bool:
        """Kill the server with all its processes, and start it again."""
        children = psutil.Process(self._process.pid).children(recursive=True)
        for process in (psutil.Process(self._process.pid), *children):
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self._process.wait()
        for process in children:
            with suppress(psutil.NoSuchProcess):
                process.wait(PATIENCE)
        (self._folder / "postmaster.pid").unlink(missing_ok=True)
        self._start()
        return True

    def _start(self) -> None:
        postgres = str(self._programs / "postgres")
        line = [postgres, "-D", str(self._folder), "-p", str(self._port), "-k", ""]
        self._process = subprocess.Popen(  # noqa: S603
            [*line, "-h", "127.0.0.1"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            user=self._owner,
            cwd="/",
        )
        engine, end = sa.create_engine(self.url()), time.monotonic() + PATIENCE
        while True:
            try:
                with engine.connect():
                    break
            except sa.exc.OperationalError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.1)
        engine.dispose()


class RayNodes:
    """A Ray cluster of two nodes on this machine with one CPU each, of which the second is killed.

    Args:
        folder: for Ray's files; its path must be short, since it has sockets.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._port = folder, free_port()
        self._second: list[int] = []

    @property
    def address(self) -> str:
        """What drivers connect to."""
        return f"127.0.0.1:{self._port}"

    def __enter__(self) -> Self:
        """Start both nodes."""
        # Head, node and driver need the same token; without one a head does not start.
        os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
        head = ("--head", f"--port={self._port}", f"--temp-dir={self._folder}")
        self._ray(*head, "--include-dashboard=false")
        self._start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop both nodes."""
        self._call("stop", "--force")

    def kill_and_start(self) -> bool:
        """Kill the second node with all its processes, and start it again."""
        for number in self._second:
            with suppress(psutil.NoSuchProcess):
                process = psutil.Process(number)
                for each in (*process.children(recursive=True), process):
                    with suppress(psutil.NoSuchProcess):
                        each.kill()
        self._start()
        return True

    def _start(self) -> None:
        before = _raylets()
        self._ray(f"--address={self.address}")
        self._second = sorted(_raylets() - before)

    def _ray(self, *options: str) -> None:
        common = ("--num-cpus=1", "--node-ip-address=127.0.0.1")
        self._call("start", *common, f"--object-store-memory={80 * 2**20}", *options)

    def _call(self, *words: str) -> None:
        environment = os.environ | {"RAY_USAGE_STATS_ENABLED": "0"}
        line = [str(Path(sys.executable).with_name("ray")), *words]
        subprocess.run(line, check=True, capture_output=True, env=environment)  # noqa: S603


def _raylets() -> set[int]:
    return {
        each.pid
        for each in psutil.process_iter(["name"])
        if each.info["name"] == "raylet" and each.status() != psutil.STATUS_ZOMBIE
    }
