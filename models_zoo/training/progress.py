"""What a training run reports after each epoch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from models_zoo.inputs import kind_of
from models_zoo.prediction import predicted_classes
from models_zoo.training.pgd import pgd

STEPS = 10
"""Ascent steps of the reported robust accuracy, a quarter of the budget each."""

ATTACKED = 1000
"""Maximum number of held-out images that are attacked for a report; all of them are classified."""


@dataclass(frozen=True)
class Epoch:
    """The state after one epoch.

    Attributes:
        number: the epoch, from 1.
        loss: mean training loss of the epoch.
        clean: accuracy on the held-out part.
        robust: accuracy under a short PGD attack at the settings' ``eps``, on at most
            :data:`ATTACKED` held-out images; ``None`` for texts.
        seconds: wall time of the epoch, without the report.
    """

    number: int
    loss: float
    clean: float
    robust: float | None
    seconds: float


Progress = Callable[[Epoch], None]
"""Called after every epoch."""


def held_out_accuracy(
    model: nn.Module, images: Tensor, labels: Tensor, *, eps: float, generator: torch.Generator
) -> tuple[float, float | None]:
    """Clean and robust accuracy of a model, the latter of images only; puts it into eval mode.

    Args:
        model: from images in [0, 1] to logits.
        images: float32 (N, C, H, W) in [0, 1], or token ids, int64 (N, L).
        labels: int64 (N,).
        eps: linf budget in input units.
        generator: source of the ascent's start.
    """
    model.eval()
    clean = robust = 0
    for start in range(0, len(labels), 512):
        part, truth = images[start : start + 512], labels[start : start + 512]
        with torch.no_grad():
            right = predicted_classes(model(part)) == truth
        clean += int(right.sum())
        if kind_of(images) == "tokens":
            continue
        some = slice(0, max(0, ATTACKED - start))
        if len(truth[some]):
            adversarial = pgd(
                model,
                part[some],
                truth[some],
                eps=eps,
                step=eps / 4,
                steps=STEPS,
                generator=generator,
            )
            with torch.no_grad():
                correct = predicted_classes(model(adversarial)) == truth[some]
            robust += int((right[some] & correct).sum())
    if kind_of(images) == "tokens":
        return clean / len(labels), None
    return clean / len(labels), robust / min(ATTACKED, len(labels))
