"""How many threads to compute with: measured, because another program may need the same cores.

Two threads that wait for each other at the end of each operation are slower than one where a third
is running on the same cores.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import torch
from threadpoolctl import threadpool_limits

from benchmark.subject import Passes, Subject

IMAGES = 4
"""Number of images of the passes that are measured. The fewer, the more often threads wait for each
other: on a CNN of 110,000 parameters two threads take 1.03 times as long as one on a quiet machine,
and 14 times as long beside a product of matrices that uses both cores."""

SECONDS, MIN_REPEATS, MAX_REPEATS = 0.1, 2, 10
"""How long to measure each number of threads, and the bounds on the number of passes."""

_BLAS = "OPENBLAS_NUM_THREADS"
"""Environment variable for the library in the wheels of NumPy and SciPy, which each have their
own."""

MIN_GAIN = 1.5
"""How many times as fast fewer threads must be to be chosen."""


def compute_with(threads: int) -> None:
    """Compute with a number of threads in this process, in PyTorch as in NumPy, SciPy and others.

    The threads of a BLAS library wait for each other by spinning: where several processes each have
    as many as there are cores, they take several times as long.

    Args:
        threads: how many.
    """
    torch.set_num_threads(threads)
    os.environ[_BLAS] = str(threads)  # of libraries that are loaded later
    threadpool_limits(threads, user_api="blas")


@contextmanager
def computing_with(threads: int) -> Iterator[None]:
    """As :func:`compute_with` inside the block; the numbers before it are restored.

    Args:
        threads: how many.
    """
    before, of_blas = torch.get_num_threads(), os.environ.get(_BLAS)
    try:
        with threadpool_limits(threads, user_api="blas"):  # restores them
            compute_with(threads)
            yield
    finally:
        torch.set_num_threads(before)
        if of_blas is None:
            del os.environ[_BLAS]
        else:
            os.environ[_BLAS] = of_blas


@contextmanager
def measured_threads(subject: Subject) -> Iterator[int]:
    """Compute with as many threads as are fastest at this moment, at most as many as allowed.

    A few passes are timed with PyTorch's present number of threads, half of it, and so on down to
    one. Results do not depend on the choice beyond rounding. The number is restored afterwards.

    Args:
        subject: the model on the CPU; on other devices nothing is measured.

    Yields:
        The number of threads.
    """
    before = chosen = torch.get_num_threads()
    try:
        if subject.images.device.type == "cpu":
            chosen = _fastest(subject, before)
        torch.set_num_threads(chosen)
        # A model that draws random numbers has drawn some.
        subject.seed_generators("threads")
        yield chosen
    finally:
        torch.set_num_threads(before)


def _fastest(subject: Subject, most: int) -> int:
    """The fastest of some numbers of threads, of which fewer must be clearly faster.

    The largest number is timed again at the end: a process that has just waited is preferred by
    the system for some milliseconds, as if the machine were quiet.
    """
    if most == 1:
        return most
    some = replace(subject.head(IMAGES), passes=Passes())
    first, seconds = _seconds_per_pass(some, most), {}
    count = most // 2
    while count:
        seconds[count] = _seconds_per_pass(some, count)
        count //= 2
    with_most = max(first, _seconds_per_pass(some, most))
    fastest = min(seconds, key=lambda count: seconds[count])
    return fastest if seconds[fastest] * MIN_GAIN < with_most else most


def _seconds_per_pass(subject: Subject, threads: int) -> float:
    """Mean seconds of a forward pass; the first is not counted."""
    torch.set_num_threads(threads)
    subject.logits(subject.images)
    start = time.perf_counter()
    for number in range(1, MAX_REPEATS + 1):
        subject.logits(subject.images)
        passed = time.perf_counter() - start
        if number >= MIN_REPEATS and passed > SECONDS:
            break
    return passed / number
