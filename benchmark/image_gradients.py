"""Gradients of per-example objectives with respect to the images."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from benchmark.subject import Subject

OfLogits = Callable[[Tensor], Tensor]
"""An objective of one batch: from logits (N, K) to values (N,)."""


class DifferentiableForward:
    """One forward pass of a batch, from which gradients with respect to the images can be computed.

    Args:
        subject: the model.
        images: (N, C, H, W), one batch.

    Attributes:
        logits: (N, K), without a graph.
    """

    def __init__(self, subject: Subject, images: Tensor) -> None:
        self._subject = subject
        self._images = images.detach().requires_grad_(True)
        with torch.enable_grad():
            self._logits = subject.forward(self._images)
        self.logits = self._logits.detach()

    @property
    def differentiable(self) -> bool:
        """Whether the logits have a gradient with respect to the images."""
        return self._logits.requires_grad

    def gradient(self, objective: OfLogits, *, again: bool = False) -> tuple[Tensor, Tensor]:
        """Values and gradients of an objective.

        Args:
            objective: from logits (N, K) to values (N,).
            again: whether another gradient of this forward pass will be computed.

        Returns:
            Values (N,) without a graph, and the gradients (N, C, H, W) of their sum; zero if the
            logits have none.
        """
        with torch.enable_grad():
            values = objective(self._logits)
        (gradient,) = self._subject.gradients(
            values.sum(), [self._images], len(self._images), again=again
        )
        return values.detach(), gradient


def image_gradient(
    subject: Subject, images: Tensor, objective: OfLogits
) -> tuple[Tensor, Tensor, Tensor]:
    """One forward and one backward pass of a batch.

    Args:
        subject: the model.
        images: (N, C, H, W), one batch.
        objective: from logits (N, K) to values (N,).

    Returns:
        Logits (N, K), values (N,) and gradients (N, C, H, W), see :class:`DifferentiableForward`.
    """
    forward = DifferentiableForward(subject, images)
    values, gradient = forward.gradient(objective)
    return forward.logits, values, gradient
