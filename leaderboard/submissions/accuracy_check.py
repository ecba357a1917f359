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

from collections.abc import Sequence

from torch import Tensor, nn

from benchmark.arguments import Array
from benchmark.checks import below_card, no_better_than_chance
from benchmark.checks.accuracy import upper_accuracy
from benchmark.datasets import Dataset
from benchmark.memory import DEFAULT_BATCH_SIZE, default_batch_size
from benchmark.probes import PROBES
from benchmark.results import Flag, ProbeResult
from benchmark.subject import Subject, subject_of
from leaderboard.submissions.normalizations import USUAL_NORMALIZATIONS
from leaderboard.submissions.ways import (
    LEAST_GAIN,
    Way,
    answers_in,
    best_way,
    clearly_better,
    first,
    percent,
    way_of,
)
from models_zoo.architectures import usual_accuracy
from models_zoo.card import Card
from models_zoo.classifier import Classifier
from models_zoo.errors import InputError

EXAMPLES = 500
"""Maximum number of examples on which two ways of calling a model are compared."""

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
    own = way_of(card.mean, card.std)
    answers = answers_in(subject, own)
    if answers is None:
        return []
    right, n = int((answers == subject.labels).sum()), len(subject)
    doubts = [no_better_than_chance(right, n, subject.classes)]
    if card.clean_accuracy is not None:
        doubts.append(below_card(right, n, card.clean_accuracy))
    flags = [flag for flag in doubts if flag.raised]
    usual = below_usual(right, n, card)
    if usual is not None:
        flags.append(usual)
    suspicious = any(flag.raised for flag in flags)
    improvable = right < (1 - LEAST_GAIN) * n  # otherwise no other way can gain enough
    if subject.images.shape[1] in USUAL_NORMALIZATIONS and (suspicious or improvable):
        flags.append(_better_way(subject, own, answers))
    if suspicious:
        flags.append(labels_shifted(answers, subject.labels, subject.classes))
    return flags


def below_usual(right: int, n: int, card: Card) -> Flag | None:
    """Check whether accuracy is far below the published figure of the architecture.

    Args:
        right: examples classified correctly.
        n: examples, at least 1.
        card: of the model.

    Returns:
        ``None`` if no figure is known.
    """
    usual = usual_accuracy(card.architecture, card.dataset)
    if usual is None:
        return None
    most, share = upper_accuracy(right, n), right / n
    return Flag(
        name="accuracy_below_usual",
        title="Clean accuracy far below the architecture's usual one",
        raised=most < usual.accuracy - MAX_BELOW_USUAL,
        figure=100 * (usual.accuracy - share),
        saw=f"Accuracy {share:.1%} on {first(n)}, where standard training of {card.architecture} "
        f"on {card.dataset} gives {usual.accuracy:.2%} ({usual.source}); more than "
        f"{100 * MAX_BELOW_USUAL:g} points less raises the flag.",
        advice=_ADVICE,
    )


def _better_way(subject: Subject, own: Way, answers: Tensor) -> Flag:
    """Compare the model as it is with other normalizations and orders of channels."""
    found = best_way(subject, own, answers == subject.labels)
    return Flag(
        name=OTHER_NORMALIZATION,
        title="Another normalization gives a higher accuracy",
        raised=found.better,
        figure=100 * found.gain,
        saw=f"{found.accuracies}: {found.question}" if found.better else f"{found.accuracies}.",
        advice="Give the normalization that the model was trained with. "
        f"A gain of {100 * LEAST_GAIN:g} points, significant in a sign test, raises the flag.",
    )


def labels_shifted(answers: Tensor, labels: Tensor, classes: int) -> Flag:
    """Compare the answers with the labels counted from one more or one less.

    Args:
        answers: predicted classes (N,).
        labels: (N,).
        classes: number of classes.
    """
    shares = {
        shift: float((answers == (labels + shift) % classes).double().mean()) for shift in (1, -1)
    }
    shift = max(shares, key=lambda each: shares[each])
    n, now, then = len(labels), answers == labels, answers == (labels + shift) % classes
    return Flag(
        name=SHIFTED,
        title="The labels are counted from another number",
        raised=clearly_better(then, now, classes, len(shares)),
        figure=100 * shares[shift],
        saw=f"Accuracy {percent(now)} on {first(n)}, {percent(then)} if "
        f"{'1 is added to' if shift > 0 else '1 is subtracted from'} every label.",
        advice="Number the classes as the model does, from 0.",
    )


def keeping_probe(probes: Sequence[str]) -> str | None:
    """The probe whose result keeps the flags of the checks before scoring.

    Args:
        probes: names of the probes that run. The one that measures clean accuracy keeps the flags,
            or else the first. Training methods have no accuracy to check.
    """
    probes = [name for name in probes if not PROBES[name].takes_methods]
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
