"""A differentiable substitute for a model's gradient: ``model.surrogate(images)``, for BPDA.

An author whose model rounds, quantizes or purifies its input may give it a method ``surrogate``
that computes nearly the same logits with a useful gradient (backward pass differentiable
approximation: Athalye, Carlini & Wagner 2018, section 4.1). Values are always the model's own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor, nn

from benchmark.outputs import logits_of, one_row_each
from benchmark.subject import Subject
from models_zoo.classifier import Classifier
from models_zoo.errors import InputError, reason_of

NAME = "surrogate"
"""Name of the method."""

Surrogate = Callable[[Tensor], object]


def surrogate_of(model: nn.Module) -> Surrogate | None:
    """The model's surrogate, if its author gave it one.

    That of a network inside a :class:`Classifier` gets normalized images, as the network does.
    """
    if isinstance(model, Classifier):
        inner = surrogate_of(model.network)
        return None if inner is None else lambda images: inner((images - model.mean) / model.std)
    found = getattr(model, NAME, None)
    return found if callable(found) else None


class StraightThrough(nn.Module):
    """A model whose gradient is that of its surrogate.

    Args:
        model: from images (N, C, H, W) to logits.
        surrogate: the same with another gradient.
    """

    def __init__(self, model: nn.Module, surrogate: Surrogate) -> None:
        super().__init__()
        self._model, self._surrogate = model, surrogate

    def forward(self, images: Tensor) -> Tensor:
        """The model's logits (N, K), with the surrogate's gradient.

        Raises:
            InputError: the surrogate cannot be called, or returns no logits.
        """
        logits = one_row_each(logits_of(self._model(images), images.dtype), len(images))
        if not torch.is_grad_enabled():
            return logits
        try:
            other = one_row_each(logits_of(self._surrogate(images), images.dtype), len(images))
            if other.shape != logits.shape:
                raise InputError(f"it returns {tuple(other.shape)} logits")
        except Exception as error:  # the author's code may raise any error
            raise InputError(f"model.{NAME}(images) cannot be used: {reason_of(error)}") from error
        return other + (logits - other).detach()


def with_surrogate(subject: Subject) -> Subject:
    """The subject with the gradient of the model's surrogate, if it has one."""
    surrogate = surrogate_of(subject.model)
    if surrogate is None:
        return subject
    return replace(subject, model=StraightThrough(subject.model, surrogate), _memory={})
