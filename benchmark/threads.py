"""How many threads to compute with: measured, because another program may need the same cores.

Two threads that wait for each other at the end of each operation are slower than one where a third
is running on the same cores.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import torch

from benchmark.subject import Passes, Subject

IMAGES = 16
"""Number of images of the passes that are measured."""

SECONDS, MIN_REPEATS, MAX_REPEATS = 0.1, 2, 10
"""How long to measure each number of threads, and the bounds on the number of passes."""

MIN_GAIN = 1.25
"""How many times as fast fewer threads must be to be chosen."""


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
    """The fastest of some numbers of threads, of which fewer must be clearly faster."""
    if most == 1:
        return most
    some = replace(subject.head(IMAGES), passes=Passes())
    chosen, shortest = most, _seconds_per_pass(some, most)
    count = most // 2
    while count:
        seconds = _seconds_per_pass(some, count)
        if seconds * MIN_GAIN < shortest:
            chosen, shortest = count, seconds
        count //= 2
    return chosen


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
