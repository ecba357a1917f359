"""The reference attack: AutoAttack through pyautoattack, with its images measured and verified."""

from __future__ import annotations

import logging
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from benchmark.attacks.verification import verified_broken
from benchmark.results import Cost
from benchmark.spaces import IMAGES, InputBall
from benchmark.subject import Progress, Subject
from models_zoo.errors import InputError, unknown_name
from models_zoo.prediction import predicted_classes

NORMS = {"linf": "Linf", "l2": "L2", "l1": "L1"}
"""AutoAttack's names of norms, by those of this suite."""

MIN_CLASSES = 4
"""Smallest number of classes; AutoAttack's targeted loss needs four logits."""

MIN_IMAGE_HEIGHT = 5
"""Smallest height in pixels that the Square attack for l2 and l1 can tile."""


@dataclass(frozen=True)
class ReferenceAttack:
    """The result of AutoAttack and its cost.

    Attributes:
        images: (N, C, H, W), as AutoAttack returned them.
        robust: bool (N,), examples that no returned image proves to be broken.
        claimed: bool (N,), what AutoAttack itself reports as robust.
        cost: of AutoAttack alone, without the verification.
        model_seconds: the part of its time inside the model's forward and backward passes (CPU).
        warnings: its log messages about the model, without repetitions.
    """

    images: Tensor
    robust: Tensor
    claimed: Tensor
    cost: Cost
    model_seconds: float
    warnings: tuple[str, ...] = ()


def run_autoattack(subject: Subject, norm: str, eps: float) -> ReferenceAttack:
    """Run AutoAttack's standard version (Croce & Hein 2020) on all examples.

    An example counts as broken when its image, as it was returned or put back into the ball, lies
    inside the ball and is misclassified in float32. Both are tried so that AutoAttack is not
    penalized for rounding at the edge of the ball. With fewer than ten classes its targeted attacks
    use all other classes; its default of nine targets would fail.

    Args:
        subject: model and examples.
        norm: a name of :data:`NORMS`.
        eps: radius in input units; 0 gives the clean result.

    Raises:
        InputError: an unknown norm or a negative radius, fewer than 4 classes, images that its
            Square attack cannot tile, or a model without gradients.
    """
    from pyautoattack import AutoAttack  # slow to import, and only the reference needs it

    ball = InputBall(subject.images, norm, eps)
    correct, classes = subject.correct(), subject.logits().shape[1]
    require_attackable(subject, norm, classes)
    if eps == 0:
        return ReferenceAttack(subject.images, correct, correct, Cost(), 0.0)
    before = subject.passes.seconds
    with subject.cost() as cost, isolated(subject) as listener:
        attack = AutoAttack(
            _CountedModel(subject),
            norm=NORMS[norm],
            eps=eps,
            version="standard",
            device=subject.images.device,
            seed=subject.seed,
        )
        for targeted in (attack.apgd_targeted, attack.fab):
            targeted.n_target_classes = min(targeted.n_target_classes, classes - 1)
        images, predicted = attack.run_standard_evaluation(
            subject.images, subject.labels, batch_size=subject.batch_size
        )
        spent = cost()
    model_seconds = subject.passes.seconds - before
    return ReferenceAttack(
        images=images.detach(),
        robust=correct & ~proven_broken(subject, ball, images.detach()),
        claimed=correct & (predicted == subject.labels),
        cost=spent,
        model_seconds=model_seconds,
        warnings=tuple(dict.fromkeys(listener.warnings)),
    )


def proven_broken(subject: Subject, ball: InputBall, images: Tensor) -> Tensor:
    """Bool (N,): which images prove that their example is broken inside its ball.

    Args:
        subject: model and labels.
        ball: the balls, one per example.
        images: (N, C, H, W), from any attack.
    """
    projected, _ = verified_broken(subject, ball, images)
    inside = ball.excess({IMAGES: images}) <= ball.slack
    return projected | (inside & (predicted_classes(subject.logits(images)) != subject.labels))


def require_attackable(subject: Subject, norm: str, classes: int) -> None:
    """Check that AutoAttack can be run, without calling the model.

    Args:
        subject: model and examples.
        norm: a name of :data:`NORMS`.
        classes: number of classes of the model.

    Raises:
        InputError: an unknown norm, fewer than 4 classes, or images that its Square attack cannot
            tile.
    """
    if norm not in NORMS:
        raise unknown_name("norm of AutoAttack", norm, NORMS)
    height = subject.images.shape[2]
    if classes < MIN_CLASSES:
        raise InputError(
            f"AutoAttack needs at least {MIN_CLASSES} classes, the model has {classes}: "
            "its targeted loss is not defined for fewer"
        )
    if norm != "linf" and height < MIN_IMAGE_HEIGHT:
        raise InputError(
            f"AutoAttack's {norm} version needs images at least {MIN_IMAGE_HEIGHT} pixels high, "
            f"got {height}"
        )


class _CountedModel(nn.Module):
    """The subject's model as AutoAttack calls it.

    AutoAttack computes gradients itself, so hooks at both ends of the model count and time the
    backward passes.
    """

    def __init__(self, subject: Subject) -> None:
        super().__init__()
        self.subject = subject
        self.start = 0.0

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, K), with hooks where gradients may be computed."""
        if not (images.requires_grad and torch.is_grad_enabled()):
            return self.subject.forward(images)
        entrance = images.view_as(images)
        logits = self.subject.forward(entrance)
        if not logits.requires_grad:
            raise InputError(
                "AutoAttack needs gradients, and the model's logits have none with respect to its "
                "images; look for .detach() or torch.no_grad() in its forward"
            )
        _on_gradient(logits, self._begin)
        _on_gradient(entrance, self._end)
        return logits

    def _begin(self, _: Tensor) -> None:
        self.start = time.perf_counter()

    def _end(self, gradient: Tensor) -> None:
        self.subject.passes.seconds += time.perf_counter() - self.start
        self.subject.passes.backwards += len(gradient)


def _on_gradient(tensor: Tensor, call: Callable[[Tensor], None]) -> None:
    register: Callable[..., object] = tensor.register_hook  # which PyTorch does not annotate
    register(call)


class Listener(logging.Handler):
    """Reports AutoAttack's log as progress and keeps its warnings."""

    def __init__(self, progress: Progress) -> None:
        super().__init__(logging.DEBUG)
        self.progress = progress
        self.warnings: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep or report a message."""
        if record.levelno >= logging.WARNING:
            self.warnings.append(record.getMessage())
        else:
            self.progress(f"AutoAttack: {record.getMessage()}")


@contextmanager
def isolated(subject: Subject) -> Iterator[Listener]:
    """Restore what AutoAttack changes in the process: random state, log, trace function.

    Args:
        subject: model and examples.
    """
    device = subject.images.device
    logger, listener = logging.getLogger("auto-attack"), Listener(subject.progress)
    level, propagate, trace = logger.level, logger.propagate, sys.gettrace()
    logger.addHandler(listener)
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    try:
        with (
            torch.random.fork_rng(devices=[device] if device.type == "cuda" else []),
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("ignore")
            yield listener
    finally:
        sys.settrace(trace)
        logger.removeHandler(listener)
        logger.setLevel(level)
        logger.propagate = propagate
