"""Checks of a model's accuracy before it is scored: it may have been described incorrectly.

A network without its normalization still computes something: a ResNet-20 for CIFAR-10 has 38%
instead of 92%, and every score after that is about another function. Before a model that is not of
the zoo is scored, its clean accuracy on a few examples is compared with

- the card's figure and chance, as by the probe ``clean``,
- the published figure of its architecture (:func:`models_zoo.architectures.usual_accuracy`), and
- its accuracy with other normalizations, with the channels in reverse order, and with the labels
  counted from another number.

Nothing is changed. What is found is a flag of the result, so that the board shows it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from benchmark.arguments import Array
from benchmark.checks import below_card, no_better_than_chance
from benchmark.checks.accuracy import FALSE_FLAG_PROBABILITY, upper_accuracy
from benchmark.datasets import Dataset
from benchmark.memory import DEFAULT_BATCH_SIZE, default_batch_size
from benchmark.probes import PROBES
from benchmark.results import Flag, ProbeResult
from benchmark.statistics import proportion
from benchmark.subject import Subject, subject_of
from leaderboard.jobs.normalizations import NONE, USUAL_NORMALIZATIONS, Normalization
from models_zoo.architectures import usual_accuracy
from models_zoo.card import Card
from models_zoo.classifier import Classifier
from models_zoo.errors import InputError
from models_zoo.prediction import predicted_classes
from models_zoo.units import written

EXAMPLES = 500
"""Maximum number of examples on which two ways of calling a model are compared."""

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

MAX_BELOW_USUAL = 0.2
"""Largest accepted shortfall against the published accuracy of standard training. Robust training
costs less: 142 of the 143 models for CIFAR-10 that RobustBench lists (2025-03-31) have a clean
accuracy of at least 78.9%, up to 16 points below the published figures; the other one is a network
of 5 layers."""

TRUSTED = ("bundled", "installed")
"""Sources of models whose description the tests of the zoo are responsible for."""

OTHER_NORMALIZATION, SHIFTED = "other_normalization", "labels_shifted"

_CAUSES = (OTHER_NORMALIZATION, SHIFTED)
"""Names of the flags that say why an accuracy is low."""

_NAMES = frozenset(
    {*_CAUSES, "accuracy_below_usual", "accuracy_below_card", "no_better_than_chance"}
)
"""Names of all flags of the checks before scoring."""

_ADVICE = (
    "Check the normalization, the images and the labels. If they are right, nothing has to be done."
)


@dataclass(frozen=True)
class _Way:
    """A way of calling a network: its normalization, and whether channels are reversed."""

    normalization: Normalization
    reversed: bool = False

    def prepare(self, images: Tensor) -> Tensor:
        mean, std = (torch.tensor(each).view(1, -1, 1, 1).to(images) for each in self.normalization)
        return ((images.flip(1) if self.reversed else images) - mean) / std

    @property
    def text(self) -> str:
        mean, std = self.normalization
        with_it = f"with mean {written(mean)} and std {written(std)}"
        text = "without normalization" if self.normalization == NONE else with_it
        return f"{text} and the channels in reverse order (BGR)" if self.reversed else text


def accuracy_flags(
    model: nn.Module,
    card: Card,
    images: Array,
    labels: Array,
    *,
    device: str = "cpu",
    batch_size: int | None = None,
) -> list[Flag]:
    """Compare a model's clean accuracy with what is expected of it.

    Args:
        model: a :class:`models_zoo.Classifier`, which is tried without its normalization, or any
            module.
        card: of the model; if its source is one of :data:`TRUSTED`, nothing is done.
        images: (N, C, H, W), the evaluation examples, of which the first :data:`EXAMPLES` are used.
        labels: (N,).
        device: where to compute.
        batch_size: images passed through the model at once; by default what memory allows.

    Returns:
        The checks that were made and that the probe ``clean`` does not repeat, and those of that
        probe that raised a flag. None if the network cannot be called, as the evaluation will say.
    """
    if card.source in TRUSTED:
        return []
    network = model.network if isinstance(model, Classifier) else model
    try:
        with subject_of(
            network,
            images[:EXAMPLES],
            labels[:EXAMPLES],
            device=device,
            batch_size=DEFAULT_BATCH_SIZE if batch_size is None else batch_size,
        ) as subject:
            if batch_size is None:
                subject.batch_size = default_batch_size(subject.images)
            return _compare(subject, card)
    except InputError:
        return []


def _compare(subject: Subject, card: Card) -> list[Flag]:
    own = _Way((_once(card.mean), _once(card.std)))
    answers = _answers(subject, own)
    if answers is None:
        return []
    right, n = int((answers == subject.labels).sum()), len(subject)
    doubts = [no_better_than_chance(right, n, subject.classes)]
    if card.clean_accuracy is not None:
        doubts.append(below_card(right, n, card.clean_accuracy))
    flags = [flag for flag in doubts if flag.raised]
    usual = usual_accuracy(card.architecture, card.dataset)
    if usual is not None:
        flags.append(_below_usual(right, n, card, usual.accuracy, usual.source))
    suspicious = any(flag.raised for flag in flags)
    improvable = right < (1 - LEAST_GAIN) * n  # otherwise no other way can gain enough
    if subject.images.shape[1] in USUAL_NORMALIZATIONS and (suspicious or improvable):
        flags.append(_better_way(subject, own, answers))
    if suspicious:
        flags.append(_shifted(answers, subject.labels, subject.classes))
    return flags


def _once(numbers: tuple[float, ...]) -> tuple[float, ...]:
    """Numbers per channel, as one number if they are all the same."""
    return numbers[:1] if len(set(numbers)) == 1 else numbers


def _below_usual(right: int, n: int, card: Card, stated: float, source: str) -> Flag:
    most, share = upper_accuracy(right, n), right / n
    return Flag(
        name="accuracy_below_usual",
        title="Clean accuracy far below the architecture's usual one",
        raised=most < stated - MAX_BELOW_USUAL,
        figure=100 * (stated - share),
        saw=f"Accuracy {share:.1%} on {_first(n)}, where standard training of {card.architecture} "
        f"on {card.dataset} gives {stated:.2%} ({source}); more than {100 * MAX_BELOW_USUAL:g} "
        "points less raises the flag.",
        advice=_ADVICE,
    )


def _better_way(subject: Subject, own: _Way, answers: Tensor) -> Flag:
    """Compare the model as it is with other normalizations and orders of channels."""
    channels = subject.images.shape[1]
    usual = USUAL_NORMALIZATIONS[channels]
    orders = (False, True) if channels == 3 else (False,)
    each_once = dict.fromkeys((*usual, own.normalization))
    ways = [_Way(each, order) for order in orders for each in each_once]
    few = subject.head(SCREENING_EXAMPLES)
    right = answers == subject.labels
    screened = [(_right(few, way), way) for way in ways if way != own]
    screened.sort(key=lambda pair: -int(pair[0].sum()))  # of equals the first one remains first
    least = int(right[: len(few)].sum())
    promising = [way for then, way in screened if int(then.sum()) > least][:FINALISTS]
    tried = [(_right(subject, way), way) for way in promising] or screened[:1]
    then, best = max(tried, key=lambda pair: int(pair[0].sum()))
    now = right[: len(then)]
    gain = (int(then.sum()) - int(now.sum())) / len(then)
    raised = _clearly_better(then, now, subject.classes, len(ways))
    accuracies = (
        f"Accuracy {_percent(now)} {_as_given(own)}, {_percent(then)} {best.text} on "
        f"{_first(len(then))}"
    )
    return Flag(
        name=OTHER_NORMALIZATION,
        title="Another normalization gives a higher accuracy",
        raised=raised,
        figure=100 * gain,
        saw=f"{accuracies}: {_question(own, best)}" if raised else f"{accuracies}.",
        advice="Give the normalization that the model was trained with. "
        f"A gain of {100 * LEAST_GAIN:g} points, significant in a sign test, raises the flag.",
    )


def _as_given(own: _Way) -> str:
    return own.text if own.normalization == NONE else f"as given ({own.text})"


def _question(own: _Way, best: _Way) -> str:
    if best.reversed and best.normalization == own.normalization:
        return "was the model trained on images in BGR order?"
    missing = "is the normalization missing?" if own.normalization == NONE else ""
    return missing or "is the normalization another one?"


def _shifted(answers: Tensor, labels: Tensor, classes: int) -> Flag:
    """Compare the answers with the labels counted from one more or one less."""
    shares = {
        shift: float((answers == (labels + shift) % classes).double().mean()) for shift in (1, -1)
    }
    shift = max(shares, key=lambda each: shares[each])
    n, now, then = len(labels), answers == labels, answers == (labels + shift) % classes
    return Flag(
        name=SHIFTED,
        title="The labels are counted from another number",
        raised=_clearly_better(then, now, classes, len(shares)),
        figure=100 * shares[shift],
        saw=f"Accuracy {_percent(now)} on {_first(n)}, {_percent(then)} if "
        f"{'1 is added to' if shift > 0 else '1 is subtracted from'} every label.",
        advice="Number the classes as the model does, from 0.",
    )


def _clearly_better(then: Tensor, now: Tensor, classes: int, tries: int) -> bool:
    """Whether an accuracy is above chance, and higher than another one by more than sampling.

    Args:
        then: bool (N,), which examples are right in the other way.
        now: bool (N,), which are right as it is.
        classes: number of classes.
        tries: number of ways that were tried.
    """
    gain = float(then.double().mean()) - float(now.double().mean())
    doubt = tries * _sign_test(int((then & ~now).sum()), int((now & ~then).sum()))
    above_chance = proportion(then.cpu().numpy()).low > 1 / classes
    return gain >= LEAST_GAIN and doubt < FALSE_FLAG_PROBABILITY and above_chance


def _right(subject: Subject, way: _Way) -> Tensor:
    """Bool (N,): which examples are right in a way; none if the network cannot be called so."""
    answers = _answers(subject, way)
    return (
        torch.zeros_like(subject.labels, dtype=torch.bool)
        if answers is None
        else (answers == subject.labels)
    )


def _answers(subject: Subject, way: _Way) -> Tensor | None:
    """Predicted classes (N,); ``None`` if the network cannot be called in this way."""
    try:
        return predicted_classes(subject.logits(way.prepare(subject.images)))
    except InputError:
        return None


def _sign_test(more: int, less: int) -> float:
    """Probability of at least ``more`` heads among ``more + less`` tosses of a coin.

    The exact one-sided sign test (McNemar 1947) of two accuracies on the same examples.
    """
    tosses = more + less
    ways: int = sum(math.comb(tosses, heads) for heads in range(more, tosses + 1))
    return ways / float(2**tosses)


def _percent(right: Tensor) -> str:
    return f"{float(right.double().mean()):.1%}"


def _first(n: int) -> str:
    return f"the first {n:,} examples" if n > 1 else "the first example"


def keeping_probe(probes: Sequence[str]) -> str | None:
    """The probe whose result keeps the flags of the checks before scoring.

    Args:
        probes: names of the probes that run. The one that measures clean accuracy keeps the flags,
            or else the first.
    """
    measuring = [name for name in probes if PROBES[name].claim == "clean_accuracy"]
    return next(iter([*measuring, *probes]), None)


def with_flags(result: ProbeResult, flags: Sequence[Flag], probes: Sequence[str]) -> ProbeResult:
    """A result with the flags of the checks before scoring, if it is the one that keeps them.

    Args:
        result: of a probe.
        flags: of :func:`accuracy_flags`.
        probes: names of the probes that run, see :func:`keeping_probe`.
    """
    names = {flag.name for flag in result.flags}
    further = [flag for flag in flags if flag.name not in names]
    if result.probe != keeping_probe(probes) or not further:
        return result
    return result.model_copy(update={"flags": [*result.flags, *further]})


def of_accuracy(flags: Sequence[Flag]) -> list[Flag]:
    """The flags of a result that are about a model's accuracy, without the probe's other flags."""
    return [flag for flag in flags if flag.name in _NAMES]


def raised_lines(flags: Sequence[Flag]) -> list[str]:
    """What raised flags saw, one line each; only the explanations if there is one."""
    raised = [flag for flag in flags if flag.raised]
    causes = [flag for flag in raised if flag.name in _CAUSES]
    return [flag.saw for flag in causes or raised]


def explanations(model: Classifier, data: Dataset) -> list[str]:
    """Why the accuracy of a model may be low, one line each; empty if nothing explains it."""
    flags = accuracy_flags(model, model.card, data.images, data.labels)
    return [flag.saw for flag in flags if flag.raised and flag.name in _CAUSES]
