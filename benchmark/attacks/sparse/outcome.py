"""What a sparse backdoor achieves on images that were used neither to find nor to select it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from benchmark.attacks.backdoor import Trigger
from benchmark.attacks.backdoor.selection import answers_with
from benchmark.attacks.sparse.changes import Change, applied
from benchmark.attacks.sparse.storage import Storage
from benchmark.spaces import Point
from benchmark.subject import Subject
from models_zoo.prediction import NO_CLASS, predicted_classes


@dataclass(frozen=True)
class SparseOutcome:
    """Measurements on the third split (N images, M of other classes).

    Attributes:
        changes: the changes of the weights.
        weights: the stored weights with the changes, by name.
        trigger: what is stamped.
        target: the class that stamped images are to be classified as.
        success: bool (M,), stamped images of other classes that are classified as the target.
        alone: bool (M,), those that the untouched weights classify so.
        robust: bool (N,), clean images classified correctly.
        clean: bool (N,), clean images that the untouched weights classify correctly.
        agreement: bool (N,), clean images classified as by the untouched weights.
    """

    changes: tuple[Change, ...]
    weights: Point
    trigger: Trigger
    target: int
    success: Tensor
    alone: Tensor
    robust: Tensor
    clean: Tensor
    agreement: Tensor

    @property
    def rate(self) -> float:
        """Share of stamped images of other classes that are classified as the target."""
        return float(self.success.double().mean())

    @property
    def alone_rate(self) -> float:
        """The same share with the untouched weights."""
        return float(self.alone.double().mean())

    @property
    def drop(self) -> float:
        """Decrease of clean accuracy from the untouched weights, as a share."""
        return float((self.clean.double() - self.robust.double()).mean())


@torch.no_grad()
def measure_sparse(
    subject: Subject,
    storage: Storage,
    changes: tuple[Change, ...],
    trigger: Trigger,
    target: int,
) -> SparseOutcome:
    """Apply changes to the stored weights anew, count them, and measure from scratch in float32.

    Args:
        subject: the measured split.
        storage: of the weights.
        changes: what the search found.
        trigger: what is stamped.
        target: the target class.

    Raises:
        RuntimeError: more of the stored weights or bits differ than there are changes, or one of
            them is not finite.
    """
    weights = applied(storage.untouched, changes)
    distance = storage.distance(weights)
    if distance > len(changes):
        raise RuntimeError(
            f"{distance} changes of the weights in place of {len(changes)}; the search is faulty"
        )
    changed, untouched = subject.at(weights), subject.at(storage.untouched)
    predicted = predicted_classes(changed.logits())
    stamped = trigger.stamp(subject.images[subject.labels != target])
    alone = answers_with(untouched, stamped, target)
    return SparseOutcome(
        changes=changes,
        weights=weights,
        trigger=trigger,
        target=target,
        success=answers_with(changed, stamped, target),
        alone=alone,
        robust=changed.correct(),
        clean=untouched.correct(),
        agreement=(predicted == predicted_classes(untouched.logits())) & (predicted != NO_CLASS),
    )
