"""The time of a pass of a model, measured in about a second."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from benchmark.objectives import cross_entropy
from benchmark.subject import Subject
from benchmark.work import Work

SECONDS = 1.0
"""Time that the measurement of a model takes, at most twice that: at least a hundred steps of the
bundled networks, so that the median is steady."""

SMALL_BATCH = 4
"""Images in the smaller of the two batches that are timed."""

MIN_REPEATS = 3
"""Least number of timed steps of a batch, after one that is not timed."""


@dataclass(frozen=True)
class PassTimes:
    """What passes of a model take: a line through the times of a small and of a large batch.

    Attributes:
        forward: seconds that each image adds to a forward pass.
        backward: seconds that each image adds to a backward pass.
        call: seconds of a pass besides its images, the mean of forward and backward passes.
    """

    forward: float
    backward: float
    call: float

    def seconds(self, forwards: float, backwards: float, calls: float) -> float:
        """Time of passing images in a number of calls."""
        return self.forward * forwards + self.backward * backwards + self.call * calls


def pass_times(
    subject: Subject, clock: Callable[[], float] = time.perf_counter, seconds: float = SECONDS
) -> PassTimes:
    """Measure forward and backward passes on the subject's device, with the current threads.

    A step is one forward and one backward pass with respect to the images, as in an ascent.

    Args:
        subject: model and examples.
        clock: the time, in seconds.
        seconds: about how long to measure.
    """
    large = min(len(subject), subject.batch_size)
    small = min(SMALL_BATCH, max(large // 2, 1))
    few = _step_times(subject.head(small), clock, seconds / 2)
    many = few if large == small else _step_times(subject.head(large), clock, seconds / 2)
    forward, forward_call = _line(small, few[0], large, many[0])
    backward, backward_call = _line(small, few[1], large, many[1])
    return PassTimes(forward, backward, (forward_call + backward_call) / 2)


def _step_times(some: Subject, clock: Callable[[], float], seconds: float) -> tuple[float, float]:
    """Median time of a forward and of a backward pass of one batch."""
    _step(some, clock)
    times = [_step(some, clock)]
    start = clock()
    while len(times) < MIN_REPEATS or clock() - start < seconds:
        times.append(_step(some, clock))
    found = torch.tensor(times, dtype=torch.float64).median(0).values
    return float(found[0]), float(found[1])


def _step(some: Subject, clock: Callable[[], float]) -> tuple[float, float]:
    """Time of a forward pass, and of a backward pass if the model has gradients."""
    images = some.images.clone().requires_grad_()
    start = clock()
    loss = cross_entropy(some.forward(images), some.labels).sum()
    _finish(images)
    between = clock()
    some.gradients(loss, [images], len(images))
    _finish(images)
    return between - start, clock() - between


def _finish(images: Tensor) -> None:
    """Wait until an accelerator has done what was asked of it."""
    if images.device.type != "cpu":
        torch.accelerator.synchronize(images.device)


def _line(few: int, short: float, many: int, long: float) -> tuple[float, float]:
    """Seconds per image and seconds besides, from the times of two batches."""
    if many == few:
        return long / many, 0.0
    per_image = max(long - short, 0.0) / (many - few)
    return per_image, max(short - few * per_image, 0.0)


def work_seconds(times: PassTimes, work: Work, forward_share: float) -> float:
    """Time of a probe's passes.

    Args:
        times: of the model.
        work: its images and calls.
        forward_share: share of the images that are passed forward.
    """
    forwards = forward_share * work.images
    return times.seconds(forwards, work.images - forwards, work.calls)
