"""Accuracies that architectures reach with standard training, as published."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class UsualAccuracy:
    """A published accuracy of an architecture on a data set's test images.

    Attributes:
        accuracy: in [0, 1], after standard training with the data set's own images.
        source: where it was published.
    """

    accuracy: float
    source: str


_PUBLISHED: dict[tuple[str, str], UsualAccuracy] = {}


def publish_errors(dataset: str, source: str, errors: Mapping[str, float]) -> None:
    """Add published test errors of architectures.

    Args:
        dataset: name of the data set.
        source: where they were published.
        errors: percentages by the architecture's name.
    """
    for architecture, error in errors.items():
        _PUBLISHED[architecture, dataset] = UsualAccuracy(1 - error / 100, source)


def usual_accuracy(architecture: str, dataset: str) -> UsualAccuracy | None:
    """The published accuracy of an architecture; ``None`` if none is known.

    Args:
        architecture: a canonical name, such as ``"cifar-resnet20"``.
        dataset: name of the data set.
    """
    return _PUBLISHED.get((architecture, dataset))
