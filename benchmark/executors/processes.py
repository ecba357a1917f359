"""Evaluations in separate processes, so that a killed one does not affect the others."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerContext, SpawnContext
from multiprocessing.process import BaseProcess
from typing import Protocol

import torch

from benchmark.executors.task import Item, Listener, run_task
from benchmark.progress import Step
from benchmark.report import Report
from benchmark.results import ProbeResult, Provenance
from models_zoo.display import shown
from models_zoo.errors import InputError, reason_of

EXIT_CODE_TIMEOUT_SECONDS = 5.0
"""Seconds to wait for the exit code of a process that has ended."""

_MAX_LISTED_DEATHS = 3


class Process(Protocol):
    """The attributes of an ended process that are used here."""

    @property
    def exitcode(self) -> int | None:
        """The exit code, or minus the number of the signal that killed it."""
        ...


@dataclass
class _Worker:
    """A process with the connection to it and its current task.

    Each has a pipe of its own: a shared queue stays locked forever if a process is killed while it
    holds the lock.
    """

    process: BaseProcess
    connection: Connection
    item: Item | None = None


def run_apart(
    items: Iterable[Item], listener: Listener, threads: int, processes: int
) -> dict[int, Report]:
    """Evaluate every task in one of several processes.

    If a process dies, its task is lost and the other tasks continue, in a new process if more tasks
    than processes are left.

    Args:
        items: the tasks with their indices.
        listener: called with each result as soon as it is available.
        threads: number of threads per process.
        processes: number of processes.

    Returns:
        The reports by index.

    Raises:
        InputError: a process died; raised after all other tasks have finished.
        Exception: the first exception of an evaluation; the others are stopped.
    """
    waiting, deaths = list(items), list[str]()
    reports: dict[int, Report] = {}
    workers = [_started(threads) for _ in range(min(processes, len(waiting)))]
    try:
        while workers:
            for worker in list(_ready(workers)):
                try:
                    done = _heard(worker, listener, reports)
                except (EOFError, ConnectionError):  # the process has ended
                    workers.remove(worker)
                    deaths.append(_death(worker))
                    # A worker that ended before it requested a task would do so again.
                    if worker.item is not None and len(workers) < len(waiting):
                        workers.append(_started(threads))
                    continue
                if done and not _given(worker, waiting):
                    workers.remove(worker)
                    _ended(worker)
    finally:
        for worker in workers:
            worker.process.terminate()
    if deaths:
        more = (
            f" and {len(deaths) - _MAX_LISTED_DEATHS} more"
            if len(deaths) > _MAX_LISTED_DEATHS
            else ""
        )
        raise InputError(
            f"{'; '.join(deaths[:_MAX_LISTED_DEATHS])}{more}; what was finished is stored "
            f"({len(reports)} of {len(reports) + len(waiting) + len(deaths)} models): run the same "
            "command again to resume, with --jobs 1 where memory is short"
        )
    return reports


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


def _started(threads: int) -> _Worker:
    context = _context()
    ours, theirs = context.Pipe()
    process = context.Process(target=_work, args=(theirs, threads), daemon=True)
    process.start()
    theirs.close()  # so that the pipe ends when the process does
    return _Worker(process, ours)


def _ready(workers: list[_Worker]) -> Iterable[_Worker]:
    """The workers that have sent a message or ended."""
    by_handle = {worker.connection: worker for worker in workers}
    return [by_handle[each] for each in wait(by_handle) if isinstance(each, Connection)]


def _heard(worker: _Worker, listener: Listener, reports: dict[int, Report]) -> bool:
    """Receive one message of a worker; returns whether it requests a task."""
    kind, content = worker.connection.recv()
    if kind == "ready":
        return True
    index = worker.item[0] if worker.item is not None else -1
    if kind == "progressed":
        listener.progressed(index, content)
    elif kind == "answered":
        listener.answered(index, *content)
    elif kind == "finished":
        reports[index] = content
        worker.item = None
        return True
    else:
        raise content
    return False


def _given(worker: _Worker, waiting: list[Item]) -> bool:
    """Send a worker the next task; returns whether there was one."""
    if not waiting:
        return False
    worker.item = waiting.pop(0)
    with suppress(ConnectionError):  # the process has ended, as its connection will show
        worker.connection.send(worker.item[1])
    return True


def _ended(worker: _Worker) -> None:
    """Stop an idle worker."""
    worker.connection.close()
    worker.process.terminate()


def _death(worker: _Worker) -> str:
    """Message about a worker that has died."""
    worker.process.join(EXIT_CODE_TIMEOUT_SECONDS)
    worker.connection.close()
    what = describe_exit(worker.process)
    if worker.item is None:
        return f"a worker process {what}"
    name = getattr(getattr(worker.item[1].model, "card", None), "name", None)
    called = shown(name) if isinstance(name, str) else f"number {worker.item[0] + 1}"
    return f"the process that scored model {called} {what}"


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


class _Sender:
    """The listener inside a worker: forwards events to the parent."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def progressed(self, index: int, step: Step) -> None:
        self.connection.send(("progressed", step))

    def answered(self, index: int, provenance: Provenance, result: ProbeResult) -> None:
        self.connection.send(("answered", (provenance, result)))


def _work(connection: Connection, threads: int) -> None:
    """Evaluate tasks until none are left."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles it, and ends the workers
    torch.set_num_threads(threads)
    threading.Thread(target=_follow, daemon=True).start()
    sender = _Sender(connection)
    connection.send(("ready", None))
    while True:
        task = connection.recv()
        try:
            connection.send(("finished", run_task(task, 0, sender)))
        except Exception as error:  # it is raised again in the parent
            connection.send(("failed", _sendable(error)))


def _sendable(error: Exception) -> Exception:
    """An error that can be pickled; some errors of other libraries cannot be restored."""
    if isinstance(error, InputError) or type(error).__module__ == "builtins":
        return error
    return RuntimeError(f"{type(error).__name__}: {reason_of(error)}")


def _follow() -> None:
    """End this process when the one that asked for it has ended, even if it was killed."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
    os._exit(1)
