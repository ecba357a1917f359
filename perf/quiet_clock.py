"""A clock of the processor's time that other programs on the machine disturb little."""

from __future__ import annotations

import time
from collections import deque
from statistics import median

import torch

SAMPLE_SECONDS = 0.05
"""Processor time between two runs of the reference computation."""

LATEST = 5
"""Number of latest runs whose median counts: single ones are interrupted."""

FIRST_RUNS = 20
"""Runs of the reference computation at the beginning; the fastest counts as undisturbed."""


class QuietClock:
    """Seconds of this process's processor time, as they would be with nothing else running.

    Processor time does not count the time of other programs, but they share caches, memory and
    cores with this one. So a fixed computation is timed in between, and what passed since is
    divided by how much slower it was than the fastest time it ever took. The computation itself
    does not count.
    """

    def __init__(self) -> None:
        self._matrix = torch.rand(64, 128)
        self._images, self._kernels = torch.rand(16, 8, 16, 16), torch.rand(8, 8, 3, 3)
        self._fastest = min(self._reference() for _ in range(FIRST_RUNS))
        self._latest: deque[float] = deque(maxlen=LATEST)
        self._slowdown, self._sum, self._samples = 1.0, 0.0, 0
        self._quiet = 0.0
        self._last = self._sampled = time.process_time()

    def __call__(self) -> float:
        """The time, in seconds since the beginning."""
        now = time.process_time()
        due = now - self._sampled >= SAMPLE_SECONDS
        before = self._slowdown
        if due:
            took = self._reference()
            self._fastest = min(self._fastest, took)
            self._latest.append(took)
            self._slowdown = median(self._latest) / self._fastest
            self._sum, self._samples = self._sum + self._slowdown, self._samples + 1
        self._quiet += (now - self._last) / ((before + self._slowdown) / 2)
        self._last = time.process_time()
        if due:
            self._sampled = self._last
        return self._quiet

    @property
    def slowdown(self) -> float:
        """How much slower the reference computation was than at its fastest, on average."""
        return self._sum / self._samples if self._samples else 1.0

    def _reference(self) -> float:
        """Processor time of the reference computation, about 2 ms."""
        start = time.process_time()
        for _ in range(6):
            (self._matrix @ self._matrix.mT).relu()
            torch.nn.functional.conv2d(self._images, self._kernels, padding=1).sign().clamp(0, 1)
        return time.process_time() - start
