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


_SMALL, _AT_ONCE = 3 * 64 * 64, 256
"""Values of an image up to which a batch has its full size, and that size."""


def usual_batch_size(values: int, device: str) -> int:
    """Images passed through a model at once where nobody says how many.

    256 of up to 64 x 64 pixels; of larger ones fewer, so that a batch's activations take no more
    memory: 20 of 224 x 224, and four times as many on an accelerator.

    Args:
        values: of one image, channels times height times width.
        device: where it is computed.
    """
    share = 1 if torch.device(device).type == "cpu" else 4
    return max(1, min(_AT_ONCE, share * _AT_ONCE * _SMALL // max(values, 1)))
