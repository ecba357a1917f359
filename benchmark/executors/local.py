"""Evaluations on this machine: sequential, or parallel in one process each."""

from __future__ import annotations

import os
from collections.abc import Sequence

import torch

from benchmark.executors.processes import run_apart
from benchmark.executors.task import Item, Listener, Task, run_task
from benchmark.report import Report


def cores() -> int:
    """CPU cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def default_jobs(tasks: int, device: str) -> int:
    """How many tasks to run at once: as many as there are CPU cores; one on an accelerator."""
    return max(1, min(tasks, cores())) if torch.device(device).type == "cpu" else 1


def run_local(tasks: Sequence[Task], listener: Listener, jobs: int) -> list[Report]:
    """Evaluate every task; with several jobs, in processes that share the cores.

    The number of threads of an evaluation depends on ``jobs`` and on what PyTorch may use (see
    ``OMP_NUM_THREADS``), not on the remaining work, so that a resumed run computes the same bits as
    an uninterrupted one.

    Args:
        tasks: what to evaluate.
        listener: called with each result as soon as it is available.
        jobs: how many tasks to run at once.

    Returns:
        One report per task, in order.

    Raises:
        InputError: a process died; the models it did not score are named.
        Exception: the first exception of an evaluation; the others are stopped.
    """
    threads = max(1, min(torch.get_num_threads(), cores() // jobs))
    indexed = list(enumerate(tasks))
    if jobs == 1:
        reports = _run_here(indexed, listener, threads)
    else:
        answered = [item for item in indexed if not set(item[1].probes) - set(item[1].known)]
        unanswered = [item for item in indexed if set(item[1].probes) - set(item[1].known)]
        reports = _run_here(answered, listener, threads)
        reports |= run_apart(unanswered, listener, threads, min(jobs, len(unanswered)))
    return [reports[index] for index, _ in indexed]


def _run_here(items: Sequence[Item], listener: Listener, threads: int) -> dict[int, Report]:
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        return {index: run_task(task, index, listener) for index, task in items}
    finally:
        torch.set_num_threads(before)
