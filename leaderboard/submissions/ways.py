"""Ways of calling a network: with other normalizations, and with the channels reversed."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from benchmark.checks.accuracy import FALSE_FLAG_PROBABILITY
from benchmark.statistics import proportion
from benchmark.subject import Subject
from leaderboard.submissions.normalizations import NONE, USUAL_NORMALIZATIONS, Normalization
from models_zoo.errors import InputError
from models_zoo.prediction import predicted_classes
from models_zoo.units import written

SCREENING_EXAMPLES = 100
"""Number of examples by which the best of all ways is chosen: a difference of 30 points, as in what
follows from a missing normalization, is four standard errors of it. A way that is right where the
model is wrong on 15 of 100 examples, and wrong where it is right on 5, is no better on these in 2
of 100 draws; such a way is not tried further."""

LEAST_GAIN = 0.05
"""Smallest gain that is reported. With another of these normalizations than its own, none of 31
networks for the digits, MNIST and CIFAR-10 gains more than 2.0 points on 500 images, and with the
channels in reverse order all lose 4 points or more."""

FINALISTS = 3
"""Number of the best ways by the screening that are tried on all examples: CIFAR-10's, ImageNet's
and CIFAR-100's normalizations are within 2 points of each other for most networks."""


@dataclass(frozen=True)
class Way:
    """A way of calling a network.

    Attributes:
        normalization: mean and standard deviation.
        reversed: whether the channels are in reverse order.
    """

    normalization: Normalization
    reversed: bool = False

    def prepare(self, images: Tensor) -> Tensor:
        """What the network is called with for images (N, C, H, W) in [0, 1]."""
        mean, std = (torch.tensor(each).view(1, -1, 1, 1).to(images) for each in self.normalization)
        return ((images.flip(1) if self.reversed else images) - mean) / std

    @property
    def text(self) -> str:
        """The way in words, after an accuracy."""
        mean, std = self.normalization
        with_it = f"with mean {written(mean)} and std {written(std)}"
        text = "without normalization" if self.normalization == NONE else with_it
        return f"{text} and the channels in reverse order (BGR)" if self.reversed else text


@dataclass(frozen=True)
class Comparison:
    """A network in its own way and in the best of the others.

    Attributes:
        own: its own way.
        best: the best of the others.
        now: bool (n,), which examples are right in its own.
        then: bool (n,), which are right in the best.
        better: whether the best is clearly better.
    """

    own: Way
    best: Way
    now: Tensor
    then: Tensor
    better: bool

    @property
    def gain(self) -> float:
        """Difference of the two accuracies."""
        return (int(self.then.sum()) - int(self.now.sum())) / len(self.then)

    @property
    def accuracies(self) -> str:
        """Both accuracies in words."""
        own = self.own.text
        given = own if self.own.normalization == NONE else f"as given ({own})"
        return (
            f"Accuracy {percent(self.now)} {given}, {percent(self.then)} {self.best.text} on "
            f"{first(len(self.then))}"
        )

    @property
    def question(self) -> str:
        """What may be the cause."""
        if self.best.reversed and self.best.normalization == self.own.normalization:
            return "was the model trained on images in BGR order?"
        missing = self.own.normalization == NONE
        return "is the normalization missing?" if missing else "is the normalization another one?"


def way_of(mean: tuple[float, ...], std: tuple[float, ...]) -> Way:
    """The way of a card's normalization."""
    return Way((_once(mean), _once(std)))


def options_of(way: Way) -> str:
    """A normalization as it is written in a description."""
    mean, std = way.normalization
    return (
        f"mean = [{written(mean)}], std = [{written(std)}]"
        if way.normalization != NONE
        else ("no mean and std")
    )


def best_way(subject: Subject, own: Way, right: Tensor) -> Comparison:
    """Compare a network in its own way with the usual normalizations and orders of channels.

    Args:
        subject: the network without its normalization, and images of 1 or 3 channels.
        own: the way it is called in.
        right: bool (N,), which examples are right in it.
    """
    channels = subject.images.shape[1]
    orders = (False, True) if channels == 3 else (False,)
    each_once = dict.fromkeys((*USUAL_NORMALIZATIONS[channels], own.normalization))
    ways = [Way(each, order) for order in orders for each in each_once]
    few = subject.head(SCREENING_EXAMPLES)
    screened = [(right_in(few, way), way) for way in ways if way != own]
    screened.sort(key=lambda pair: -int(pair[0].sum()))  # of equals the first one remains first
    least = int(right[: len(few)].sum())
    promising = [way for then, way in screened if int(then.sum()) > least][:FINALISTS]
    tried = [(right_in(subject, way), way) for way in promising] or screened[:1]
    then, best = max(tried, key=lambda pair: int(pair[0].sum()))
    now = right[: len(then)]
    return Comparison(own, best, now, then, clearly_better(then, now, subject.classes, len(ways)))


def clearly_better(then: Tensor, now: Tensor, classes: int, tries: int) -> bool:
    """Whether an accuracy is above chance, and higher than another one by more than sampling.

    Args:
        then: bool (N,), which examples are right in the other way.
        now: bool (N,), which are right as it is.
        classes: number of classes.
        tries: number of ways that were tried.
    """
    gain = float(then.double().mean()) - float(now.double().mean())
    doubt = tries * sign_test(int((then & ~now).sum()), int((now & ~then).sum()))
    above_chance = proportion(then.cpu().numpy()).low > 1 / classes
    return gain >= LEAST_GAIN and doubt < FALSE_FLAG_PROBABILITY and above_chance


def right_in(subject: Subject, way: Way) -> Tensor:
    """Bool (N,): which examples are right in a way; none if the network cannot be called so."""
    answers = answers_in(subject, way)
    return (
        torch.zeros_like(subject.labels, dtype=torch.bool)
        if answers is None
        else (answers == subject.labels)
    )


def answers_in(subject: Subject, way: Way) -> Tensor | None:
    """Predicted classes (N,); ``None`` if the network cannot be called in this way."""
    try:
        return predicted_classes(subject.logits(way.prepare(subject.images)))
    except InputError:
        return None


def percent(right: Tensor) -> str:
    """The share of a bool tensor, in percent."""
    return f"{float(right.double().mean()):.1%}"


def first(n: int) -> str:
    """The first ``n`` examples, in words."""
    return f"the first {n:,} examples" if n > 1 else "the first example"


def _once(numbers: tuple[float, ...]) -> tuple[float, ...]:
    """Numbers per channel, as one number if they are all the same."""
    return numbers[:1] if len(set(numbers)) == 1 else numbers


def sign_test(more: int, less: int) -> float:
    """Probability of at least ``more`` heads among ``more + less`` tosses of a coin.

    The exact one-sided sign test (McNemar 1947) of two accuracies on the same examples.

    Args:
        more: number of examples that are better in one way.
        less: number of those that are better in the other.
    """
    tosses = more + less
    ways: int = sum(math.comb(tosses, heads) for heads in range(more, tosses + 1))
    return ways / float(2**tosses)
