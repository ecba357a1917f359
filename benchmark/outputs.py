"""Extracts logits from the output of a model."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from models_zoo.errors import InputError

LOGITS = "logits"
"""Name of the logits in a dict, a named tuple or a dataclass."""

MASKED = 100.0
"""A class is masked if its logit is, on all images, more than this many times as far from zero as
the two largest logits of any image: as where a constant such as -1e9 takes its place."""


def logits_of(output: object, dtype: torch.dtype) -> Tensor:
    """The logits in a model's output, converted to one type.

    Args:
        output: a tensor, or an object with a tensor called :data:`LOGITS`, as the models of
            transformers return.
        dtype: of the inputs, which logits are converted to (float32 if these are token ids); models
            in half precision or under autocast return others.

    Raises:
        InputError: there are no logits, or several tensors none of which is called :data:`LOGITS`.
    """
    logits = output
    if isinstance(output, Mapping):
        logits = output.get(LOGITS)
    elif not isinstance(output, Tensor):
        logits = getattr(output, LOGITS, None)
    if not isinstance(logits, Tensor):
        raise InputError(
            f"the model must return logits, a tensor (N, classes), or something with a tensor "
            f"called {LOGITS!r}; it returns {_kind(output)}"
        )
    if not logits.is_floating_point():
        raise InputError(f"the model must return logits in floating point, got {logits.dtype}")
    if logits.layout != torch.strided or logits.is_nested:
        raise InputError(
            "the model must return logits as a dense tensor, got a sparse or nested one"
        )
    if type(logits) is not Tensor:  # a subclass may override operations
        logits = logits.as_subclass(Tensor)
    if logits.is_inference():  # the model may run under torch.inference_mode()
        logits = logits.clone()
    return logits.to(dtype if dtype.is_floating_point else torch.float32)


def one_row_each(logits: Tensor, count: int) -> Tensor:
    """Logits (N, K) of ``count`` images, checked.

    Models that squeeze their activations drop the dimension of a single image; it is restored.

    Raises:
        InputError: another shape.
    """
    if count == 1 and logits.ndim == 1:
        logits = logits[None]
    if logits.ndim != 2 or logits.shape[1] < 2 or len(logits) != count:
        raise InputError(
            f"the model must return logits (N, classes), got {tuple(logits.shape)} for "
            f"{count} image{'s' * (count != 1)}"
        )
    return logits


def masked_classes(logits: Tensor) -> Tensor:
    """Bool (K,), which classes are :data:`MASKED`; never all of them.

    Such a logit says nothing about the scale of the others.

    Args:
        logits: (N, K).
    """
    if not logits.numel():
        return torch.zeros(logits.shape[1], dtype=torch.bool, device=logits.device)
    finite = logits.isfinite()
    size = torch.where(finite, logits.abs(), 0.0)
    top = logits.where(finite, -torch.inf).topk(min(2, logits.shape[1]), dim=1).values
    scale = torch.where(top.isfinite(), top.abs(), 0.0).max()
    return (size.amin(0) > MASKED * scale) & (scale > 0)


def _kind(output: object) -> str:
    if isinstance(output, Mapping):
        return f"a dict of {sorted(map(str, output))[:5]}"
    if isinstance(output, tuple | list):
        kinds = ", ".join(type(each).__name__ for each in output[:5])
        return f"a {type(output).__name__} of {len(output)} ({kinds})"
    return f"a {type(output).__name__}"
