"""Evaluations on this machine: one after the other, or several at once, a process each."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from multiprocessing.queues import Queue
from queue import Empty
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from benchmark.batteries import Battery
from benchmark.evaluation import evaluate
from benchmark.report import Report
from benchmark.results import ProbeResult, Provenance


@dataclass(frozen=True)
class Task:
    """One model to evaluate; the fields are the arguments of :func:`benchmark.evaluate`."""

    model: nn.Module
    images: Tensor
    labels: Tensor
    battery: Battery
    probes: Sequence[str]
    seed: int = 0
    device: str = "cpu"
    known: Mapping[str, ProbeResult] = field(default_factory=dict)


Item = tuple[int, Task]
"""A task with its index."""

Event = tuple[str, int, Any]
"""What happened, to the task of which index, and the arguments."""


class Listener(Protocol):
    """Who is told of a run's events, in the calling process; ``index`` is the task's."""

    def progressed(self, index: int, text: str) -> None:
        """A piece of work is done."""

    def answered(self, index: int, provenance: Provenance, result: ProbeResult) -> None:
        """A probe has answered."""


def cores() -> int:
    """CPU cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def default_jobs(tasks: int, device: str) -> int:
    """How many tasks to run at once: as many as there are CPU cores; one on an accelerator."""
    return max(1, min(tasks, cores())) if torch.device(device).type == "cpu" else 1


def run_local(tasks: Sequence[Task], listener: Listener, jobs: int) -> list[Report]:
    """Evaluate every task; with several jobs, each in a process with its share of the cores.

    How many threads an evaluation has follows from ``jobs`` and from what PyTorch may use (see
    ``OMP_NUM_THREADS``), not from how much is left to do, so that a run that was stopped and
    started again computes as if it had not been.

    Args:
        tasks: what to evaluate.
        listener: told of results as soon as they are there.
        jobs: how many tasks to run at once.

    Returns:
        One report a task, in order.

    Raises:
        Exception: whatever an evaluation raised first; the others are stopped.
    """
    threads = max(1, min(torch.get_num_threads(), cores() // jobs))
    indexed = list(enumerate(tasks))
    if jobs == 1:
        reports = _run_here(indexed, listener, threads)
    else:
        answered = [item for item in indexed if not set(item[1].probes) - set(item[1].known)]
        unanswered = [item for item in indexed if set(item[1].probes) - set(item[1].known)]
        reports = _run_here(answered, listener, threads)
        reports |= _run_apart(unanswered, listener, threads, min(jobs, len(unanswered)))
    return [reports[index] for index, _ in indexed]


def _run_here(items: Sequence[Item], listener: Listener, threads: int) -> dict[int, Report]:
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        return {index: _run(task, index, listener) for index, task in items}
    finally:
        torch.set_num_threads(before)


def _run_apart(
    items: Sequence[Item], listener: Listener, threads: int, processes: int
) -> dict[int, Report]:
    context = multiprocessing.get_context("spawn")
    events: Queue[Event] = context.Queue()
    work: Queue[Item | None] = context.Queue()
    for item in [*items, *[None] * processes]:
        work.put(item)
    workers = [
        context.Process(target=_work, args=(work, events, os.getpid(), threads), daemon=True)
        for _ in range(processes)
    ]
    for worker in workers:
        worker.start()
    try:
        return _collect(len(items), events, workers, listener)
    finally:
        for worker in workers:
            worker.terminate()


def _run(task: Task, index: int, listener: Listener) -> Report:
    return evaluate(
        task.model,
        task.images,
        task.labels,
        task.battery,
        task.probes,
        seed=task.seed,
        device=task.device,
        known=task.known,
        on_result=lambda provenance, result: listener.answered(index, provenance, result),
        progress=lambda text: listener.progressed(index, text),
    )


class _Sender:
    """The listener inside a worker: passes events on."""

    def __init__(self, events: Queue[Event]) -> None:
        self.events = events

    def progressed(self, index: int, text: str) -> None:
        self.events.put(("progressed", index, text))

    def answered(self, index: int, provenance: Provenance, result: ProbeResult) -> None:
        self.events.put(("answered", index, (provenance, result)))


def _work(
    work: Queue[Item | None],
    events: Queue[Event],
    parent: int,
    threads: int,
) -> None:
    """Take tasks until there are none left."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent takes it, and ends the workers
    torch.set_num_threads(threads)
    threading.Thread(target=_follow, args=(parent,), daemon=True).start()
    sender = _Sender(events)
    while (item := work.get()) is not None:
        index, task = item
        try:
            events.put(("finished", index, _run(task, index, sender)))
        except Exception as error:  # it is raised again where it can be handled
            events.put(("failed", index, error))


def _follow(parent: int) -> None:
    """End this process when the one that asked is gone, killed or not: nobody wants the answer."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


def _collect(
    count: int,
    events: Queue[Event],
    workers: Sequence[BaseProcess],
    listener: Listener,
) -> dict[int, Report]:
    reports: dict[int, Report] = {}
    while len(reports) < count:
        try:
            kind, index, content = events.get(timeout=1)
        except Empty:
            if not any(worker.is_alive() for worker in workers):
                raise RuntimeError("the worker processes died; is there enough memory?") from None
            continue
        if kind == "progressed":
            listener.progressed(index, content)
        elif kind == "answered":
            listener.answered(index, *content)
        elif kind == "finished":
            reports[index] = content
        else:
            raise content
    return reports
