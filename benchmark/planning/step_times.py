"""The time of a step of an ascent on a model, measured in about two seconds."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from benchmark.ascent import Evaluate, apgd, per_example, whole_set
from benchmark.attacks.weights import weight_ball
from benchmark.budgets import Budget
from benchmark.objectives import probability_margin
from benchmark.requirements import missing_image_gradients, missing_weights
from benchmark.spaces import InputBall, Point, Space
from benchmark.subject import Subject
from benchmark.threats import WeightThreat
from benchmark.work import Work

SECONDS = 2.0
"""About how long a model is measured."""

MEASUREMENTS = 6
"""Three kinds of passes in two batches."""

SMALL_BATCH = 4
"""Images in the smaller of the two batches that are timed."""

GROWTH, LONGEST = 4, 5.0
"""The larger batch is the whole one, or the first of those that grow by this ratio that takes this
many times as long as a measurement should."""

STEPS = 5
"""Steps of an ascent that is timed as a whole."""

WARM = 0.5
"""Seconds of a first run from which on it is not repeated: it is long for other reasons than being
the first."""

RUNS = 3
"""Runs after the first whose median counts at least, unless they take longer than :data:`WARM`."""

AFFORDABLE = 0.1
"""Seconds of a run below which the batch grows however short a measurement should be: from a small
batch alone, what a call takes besides would count as the time of its images."""

EPS = 0.1
"""Radius of the balls around images, input units; the time does not depend on it."""

WEIGHTS = WeightThreat("relative-l2", Budget(0.01), "no-normalization")
"""The ball around the weights in which steps are timed."""

Clock = Callable[[], float]


@dataclass(frozen=True)
class Line:
    """Time of a batch as a line through the times of a small and of a large one.

    Attributes:
        image: seconds that each image adds.
        call: seconds of a call besides its images.
    """

    image: float
    call: float

    def seconds(self, work: Work) -> float:
        """Time of some work."""
        return self.image * work.images + self.call * work.calls


class StepTimes:
    """What a model's passes take in the steps in which probes use them, measured when asked for.

    Args:
        subject: model and examples, on the device and with the threads that are measured.
        clock: the time, in seconds.
        seconds: about how long all measurements take.
    """

    def __init__(
        self, subject: Subject, clock: Clock = time.perf_counter, seconds: float = SECONDS
    ) -> None:
        self._subject, self._clock = subject, clock
        self._seconds = seconds / MEASUREMENTS

    @cached_property
    def forward(self) -> Line:
        """A forward pass without gradients."""
        return self._line(_pass_forward)

    @cached_property
    def images(self) -> Line:
        """A step of APGD over images: two passes, and what the ascent computes in between.

        A forward pass for models without gradients.
        """
        missing = missing_image_gradients(self._subject)
        return self.forward if missing else self._line(_ascend_images)

    @cached_property
    def weights(self) -> Line:
        """The same over weights; as over images for models whose weights cannot be perturbed."""
        missing = missing_weights(self._subject)
        return self.images if missing else self._line(_ascend_weights)

    def _line(self, run: Callable[[Subject], int]) -> Line:
        subject, clock, each = self._subject, self._clock, self._seconds
        most = min(len(subject), subject.batch_size)
        small = min(SMALL_BATCH, max(most // 2, 1))
        short = time_of = _median(run, subject.head(small), clock, each)
        # A large network takes minutes for a whole batch, whose time per image is as well known
        # from a smaller one.
        large = small
        while large < most and time_of * (STEPS + 1) < max(LONGEST * each, AFFORDABLE):
            large = min(GROWTH * large, most)
            time_of = _median(run, subject.head(large), clock, 0.0)
        if large == small:
            return Line(short / small, 0.0)
        long = _median(run, subject.head(large), clock, each)
        per_image = max(long - short, 0.0) / (large - small)
        return Line(per_image, max(short - small * per_image, 0.0))


def _pass_forward(some: Subject) -> int:
    some.logits(some.images)
    return 1


def _ascend_images(some: Subject) -> int:
    ball = InputBall(some.images, "linf", EPS)
    return _ascend(ball, per_example(some, probability_margin, stop=False), ball.origin)


def _ascend_weights(some: Subject) -> int:
    ball = weight_ball(some, WEIGHTS)
    return _ascend(ball, whole_set(some, probability_margin), ball.origin)


def _ascend(space: Space, evaluate: Evaluate, start: Point) -> int:
    apgd(space, evaluate, start, STEPS)
    return STEPS + 1


def _median(run: Callable[[Subject], int], some: Subject, clock: Clock, seconds: float) -> float:
    """Median time of a step, without the first run unless that took long.

    The first run of a model allocates memory and loads code, which may take ten times as long as
    what is measured.
    """
    times: list[float] = []
    few = WARM if seconds > 0 else 0.0  # for as many runs that one interruption does not count
    begin = clock()
    while len(times) < 2 or clock() - begin < (seconds if len(times) > RUNS else max(seconds, few)):
        start = clock()
        steps = run(some)
        _finish(some.images)
        times.append((clock() - start) / steps)
        if len(times) == 1 and clock() - begin > max(seconds, WARM):
            return times[0]
    return float(torch.tensor(times[1:], dtype=torch.float64).median())


def _finish(images: Tensor) -> None:
    """Wait until an accelerator has done what was asked of it."""
    if images.device.type != "cpu":
        torch.accelerator.synchronize(images.device)
