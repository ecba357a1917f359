"""The class a model predicts, if it predicts one."""

from __future__ import annotations

import torch
from torch import Tensor

NO_CLASS = -1
"""Class of an output that is not finite; equal to no label."""


def predicted_classes(logits: Tensor) -> Tensor:
    """The class of the largest logit per example; ties go to the earliest class.

    An output with a NaN or infinite value predicts nothing: its class is :data:`NO_CLASS`, so that
    it is never counted as correct. ``argmax`` alone would take NaN for the largest number and a row
    of NaN for class 0.

    Args:
        logits: (N, K).

    Returns:
        int64 (N,).
    """
    finite = logits.isfinite().all(1)
    return torch.where(finite, logits.argmax(1), NO_CLASS)
