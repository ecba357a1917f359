"""A PostgreSQL server for tests, where one is installed."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from fcntl import LOCK_EX, flock
from itertools import count
from pathlib import Path

import psutil
from sqlalchemy import create_engine, text

from leaderboard.store import Store
from tests.missing import missing

FAST = ("fsync=off", "full_page_writes=off", "shared_buffers=32MB")
"""Settings of a server whose data need to outlast its processes, and not the machine."""

_WATCH = """
while kill -0 "$1" && [ -d "$2" ]; do sleep 1; done
if [ -d "$2" ]; then kill -QUIT "$(head -n 1 "$2/data/postmaster.pid")"; sleep 1; rm -r "$2"; fi
"""
"""Waits until a process has ended or a folder is gone, and else ends the server in the folder."""

_NUMBERS = count()


def _program(name: str) -> str:
    """Debian keeps the server's programs out of the path."""
    installed = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    found = str(installed[-1]) if installed else shutil.which(name)
    if found is None:
        missing("postgresql", "no PostgreSQL here; install Debian's package postgresql")
    return found


class Server:
    """A server in a folder of its own, which listens on a free port of this machine.

    Args:
        folder: readable by other users, since the server refuses to run as root.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._owner = "postgres" if os.geteuid() == 0 else None

    @property
    def port(self) -> int:
        return int((self.folder / "port").read_text())

    def create(self) -> None:
        """Make its files, with an order of texts that is not that of their bytes, as on servers."""
        if self._owner:
            shutil.chown(self.folder, self._owner)
        order = ["--locale=C", "--locale-provider=icu", "--icu-locale=en-US"]
        options = ["-A", "trust", "-U", "tester", "-E", "UTF8", "--no-sync", *order]
        self._run("initdb", *options)

    def start(self) -> None:
        if not (self.folder / "port").exists():
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                (self.folder / "port").write_text(str(free.getsockname()[1]))
        settings = (*FAST, "listen_addresses=127.0.0.1", "unix_socket_directories=")
        options = " ".join(f"-c {setting}" for setting in settings)
        log = str(self.folder / "log")
        self._run("pg_ctl", "start", "-w", "-l", log, "-o", f"-p {self.port} {options}")

    def end_after(self, process: int) -> None:
        """Have it end when a process of the tests has, even one that was killed."""
        subprocess.run(
            ["sh", "-c", f"({_WATCH}) &", "sh", str(process), str(self.folder)],
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def stop(self, mode: str = "fast") -> None:
        """Stop it; ``immediate`` does without a clean state of its files."""
        self._run("pg_ctl", "stop", "-w", "-m", mode)

    @property
    def runs(self) -> bool:
        """Whether it was started and not stopped."""
        return (self.folder / "data" / "postmaster.pid").exists()

    def kill(self) -> None:
        """``kill -9`` of all of its processes."""
        parent = self.process()
        processes = [parent, *parent.children(recursive=True)]
        for process in processes:
            process.kill()
        psutil.wait_procs(processes, 10)

    def process(self) -> psutil.Process:
        """The process that accepts connections."""
        number = (self.folder / "data" / "postmaster.pid").read_text().split()[0]
        return psutil.Process(int(number))

    def _run(self, program: str, *arguments: str) -> None:
        command = [_program(program), "-D", str(self.folder / "data"), *arguments]
        done = subprocess.run(
            command,
            user=self._owner,
            cwd="/",
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr.decode()

    def url(self, database: str) -> str:
        return f"postgresql+psycopg://tester@127.0.0.1:{self.port}/{database}"

    def execute(self, *statements: str, database: str = "postgres") -> None:
        """Run statements outside of a transaction."""
        engine = create_engine(self.url(database), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            for statement in statements:
                connection.execute(text(statement))
        engine.dispose()

    @contextmanager
    def database(self) -> Iterator[str]:
        """The URL of a new, empty database."""
        name = f"test_{os.getpid()}_{next(_NUMBERS)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE template0")
        try:
            yield self.url(name)
        finally:
            self.execute(f"DROP DATABASE {name} WITH (FORCE)")


class Databases:
    """Databases with this version's tables, used by one test after the other.

    To delete all rows takes a tenth of the time of making a database.

    Args:
        server: a running server.
    """

    def __init__(self, server: Server) -> None:
        self._server = server
        self._free: list[str] = []

    @contextmanager
    def empty(self) -> Iterator[str]:
        """The URL of a database without rows; the test may not change its tables."""
        if self._free:
            url = self._free.pop()
        else:
            name = f"used_{os.getpid()}_{next(_NUMBERS)}"
            self._server.execute(f"CREATE DATABASE {name} TEMPLATE template0")
            url = self._server.url(name)
            Store.open(url).engine.dispose()
        yield url
        self._empty(url)
        self._free.append(url)

    def _empty(self, url: str) -> None:
        others = "pid <> pg_backend_pid() AND datname = current_database()"
        tables = "schemaname = 'public' AND tablename <> 'alembic_version'"
        engine = create_engine(url)
        with engine.begin() as connection:
            stop = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}"
            connection.execute(text(stop))
            names = connection.scalars(text(f"SELECT tablename FROM pg_tables WHERE {tables}"))
            connection.execute(text(f"TRUNCATE {', '.join(names)} RESTART IDENTITY"))
        engine.dispose()


@contextmanager
def shared_server(control: Path) -> Iterator[Server]:
    """One server for all processes of a run of the tests; the last one that uses it stops it.

    Args:
        control: a folder that all of them share.
    """
    note = control / "postgresql"
    with _locked(control):
        users, folder = note.read_text().split("\n") if note.exists() else ("0", tempfile.mkdtemp())
        server = Server(Path(folder))
        if users == "0":
            # xdist's workers are children of the process that began the run.
            server.end_after(os.getppid() if "PYTEST_XDIST_WORKER" in os.environ else os.getpid())
            server.create()
            server.start()
        note.write_text(f"{int(users) + 1}\n{folder}")
    try:
        yield server
    finally:
        with _locked(control):
            left = int(note.read_text().split("\n")[0]) - 1
            if left:
                note.write_text(f"{left}\n{folder}")
            else:
                note.unlink()
                server.stop("immediate")
                shutil.rmtree(folder)


@contextmanager
def own_server() -> Iterator[Server]:
    """A running server for one test module, which may stop it and start it again."""
    with tempfile.TemporaryDirectory() as name:
        server = Server(Path(name))
        server.end_after(os.getpid())
        server.create()
        server.start()
        try:
            yield server
        finally:
            if server.runs:
                server.stop("immediate")


@contextmanager
def _locked(control: Path) -> Iterator[None]:
    with (control / "postgresql.lock").open("w") as lock:
        flock(lock, LOCK_EX)
        yield
