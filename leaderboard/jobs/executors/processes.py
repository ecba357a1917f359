"""The executor that starts worker processes on this machine."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerContext, SpawnContext
from multiprocessing.process import BaseProcess
from typing import Protocol, Self

from benchmark.threads import compute_with
from leaderboard.jobs.executors.executor import MAX_IDLE_DEATHS
from leaderboard.jobs.materials import Materials
from leaderboard.jobs.owner import owner_of
from leaderboard.jobs.worker import Worker, open_for_worker, take_back_abandoned
from leaderboard.store.jobs import Jobs
from models_zoo.errors import InputError, reason_of

EXIT_CODE_TIMEOUT_SECONDS = 5.0
"""Seconds to wait for the exit code of a process that has ended."""

POLL_SECONDS = 0.2
"""How long to wait for a process to end, or for units that others work on."""


class Process(Protocol):
    """The attributes of an ended process that are used here."""

    @property
    def exitcode(self) -> int | None:
        """The exit code, or minus the number of the signal that killed it."""
        ...


@dataclass(frozen=True)
class _Started:
    """A worker process.

    Attributes:
        connection: ends when the process does; carries the message of an error that ended it.
        owner: its name in leases.
    """

    process: BaseProcess
    connection: Connection
    owner: str


class Processes:
    """Worker processes on this machine, with a fair share of its cores each.

    A process that dies loses its unit, which is taken again by another one, and is replaced.

    Args:
        database: URL of the database, for the workers.
        jobs: the same database's jobs, for this process.
        numbers: the jobs to take.
        workers: number of processes.
        threads: CPU threads of each.
        trust: whether a model may execute code when it is loaded.
    """

    def __init__(
        self,
        database: str,
        jobs: Jobs,
        numbers: Collection[int],
        workers: int,
        *,
        threads: int,
        trust: bool = False,
    ) -> None:
        self._database, self._jobs, self._numbers = database, jobs, sorted(numbers)
        self._workers, self._trust = workers, trust
        self._threads = threads
        self._running: list[_Started] = []
        self._idle_deaths = 0

    def __enter__(self) -> Self:
        """Start the processes."""
        self._running = [self._start() for _ in range(self._workers)]
        return self

    def __exit__(self, kind: type[BaseException] | None, /, *_: object) -> None:
        """End the processes."""
        for each in self._running:
            each.process.kill()
        for each in self._running:
            each.process.join(EXIT_CODE_TIMEOUT_SECONDS)
            each.connection.close()
        if kind is not None:
            with suppress(InputError):
                for each in self._running:
                    self._jobs.release_owner(each.owner)

    def advance(self) -> None:
        """Wait for a moment, and replace processes that have ended.

        Raises:
            InputError: a worker cannot use the database, or no worker survives its start.
        """
        by_handle = {each.connection: each for each in self._running}
        for handle in wait(by_handle, POLL_SECONDS):
            if isinstance(handle, Connection):
                self._ended(by_handle[handle])
        take_back_abandoned(self._jobs)

    def _ended(self, worker: _Started) -> None:
        """A worker has ended, or says why it is about to."""
        message = None
        with suppress(EOFError, ConnectionError):
            message = worker.connection.recv()
        worker.process.join(EXIT_CODE_TIMEOUT_SECONDS)
        worker.connection.close()
        self._running.remove(worker)
        if message is not None:
            raise InputError(message)
        how = describe_exit(worker.process)
        busy = worker.owner in self._jobs.owners()
        self._jobs.owner_died(worker.owner, f"its worker {how}")
        self._idle_deaths = 0 if busy else self._idle_deaths + 1
        if self._idle_deaths > MAX_IDLE_DEATHS:
            raise InputError(
                f"a worker process {how} before it took any work; finished results are stored: "
                "run the same command again to resume, with --workers 1 where memory is short"
            )
        self._running.append(self._start())

    def _start(self) -> _Started:
        context = _context()
        ours, theirs = context.Pipe()
        process = context.Process(
            target=_work,
            args=(theirs, self._database, self._numbers, self._workers, self._threads, self._trust),
            daemon=True,
        )
        _start_unless_interrupted(process)
        theirs.close()  # so that the pipe ends when the process does
        return _Started(process, ours, owner_of(process.pid))


def _context() -> ForkServerContext | SpawnContext:
    """How workers are started.

    On Linux they are forked from one process that has imported this module, and with it PyTorch,
    which takes 2 to 4 CPU seconds. That process computes nothing: a process whose threads or
    accelerator are in use cannot be forked safely. Elsewhere each worker imports for itself, as on
    macOS, where a process that has loaded the system's libraries may not be forked.
    """
    if sys.platform != "linux":
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    return context


def _start_unless_interrupted(process: BaseProcess) -> None:
    """Start a process that Ctrl-C does not reach, and neither what it is forked from.

    This process ends its workers. Without it, the one that they are forked from prints a traceback
    if it is interrupted while it imports.
    """
    if sys.platform != "linux":
        process.start()
        return
    resource_tracker.ensure_running()  # which lets signals through again
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        process.start()
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def describe_exit(process: Process) -> str:
    """Describe how a process ended."""
    code = process.exitcode
    if code is None:
        return "stopped answering"
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    hint = {
        "SIGKILL": " (often because memory ran out)",
        "SIGBUS": " (a file it read from shrank, or a disk is full)",
    }.get(name, "")
    return f"was killed by {name}{hint}"


def _work(
    connection: Connection,
    database: str,
    numbers: list[int],
    workers: int,
    threads: int,
    trust: bool,
) -> None:
    """Take units until this process is ended."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles it, and ends the workers
    compute_with(threads)
    threading.Thread(target=_follow, daemon=True).start()
    try:
        store = open_for_worker(database)
        worker = Worker(store, Materials(trust=trust), numbers, workers=workers)
        while True:
            if not worker.work():
                time.sleep(POLL_SECONDS)
    except InputError as error:
        connection.send(str(error))
    except Exception as error:
        connection.send(f"a worker process failed: {type(error).__name__}: {reason_of(error)}")
        raise


def _follow() -> None:
    """End this process when the one that asked for it has ended, even if it was killed."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
    os._exit(1)
