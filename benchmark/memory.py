"""Memory: how much was used, and doing with less where it runs out."""

from __future__ import annotations

import resource
import sys
from collections.abc import Callable

import torch
from torch import Tensor


def peak_memory(device: torch.device) -> int:
    """Peak bytes so far: the CUDA allocator's on a GPU, else the process's resident set."""
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def in_batches(rows: Tensor, size: int, work: Callable[[Tensor], None]) -> int:
    """Do ``work`` on batches of rows, with half as many a time whenever memory runs out.

    Args:
        rows: indices.
        size: rows to begin with.
        work: called with each batch; where memory ran out it is called again with a part of it.

    Returns:
        The size that fitted.
    """
    start = 0
    while start < len(rows):
        try:
            work(rows[start : start + size])
        except RuntimeError as error:
            if size == 1 or not out_of_memory(error):
                raise
        else:
            start += size
            continue
        size = max(min(size, len(rows)) // 2, 1)
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
    return size


def out_of_memory(error: BaseException) -> bool:
    """Whether PyTorch means: out of memory. On a CPU it says so in words alone."""
    return isinstance(error, torch.OutOfMemoryError) or "not enough memory" in str(error)


AT_ONCE = 256
"""Images passed through a model at once, where they are small and nobody says otherwise."""

_SMALL = 3 * 64 * 64
"""Values of an image up to which it is small."""


def usual_batch_size(images: Tensor) -> int:
    """How many images pass through a model at once where nobody says so.

    :data:`AT_ONCE` of up to 64 x 64 pixels; of larger ones fewer, so that a batch's activations
    take no more memory: 20 of 224 x 224, and four times as many on an accelerator.

    Args:
        images: (N, C, H, W), on the device where it is computed.
    """
    share = 1 if images.device.type == "cpu" else 4
    values = max(images.shape[1:].numel(), 1)
    return max(1, min(AT_ONCE, share * AT_ONCE * _SMALL // values))
