"""Memory: peak use, default batch sizes, and smaller batches when memory runs out."""

from __future__ import annotations

import gc
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
    """Call ``work`` on batches of rows, and halve the batch size whenever memory runs out.

    Args:
        rows: indices.
        size: initial batch size.
        work: called with the rows of one batch; if memory runs out it is called again with fewer
            rows.

    Returns:
        The batch size that fitted.
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


_NO_MEMORY = ("not enough memory", "can't allocate memory")
"""What PyTorch says when memory runs out on a CPU, on Windows and on Linux."""


def out_of_memory(error: BaseException) -> bool:
    """Whether an error means that memory ran out; on a CPU only its message says so."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(text in str(error) for text in _NO_MEMORY)


def halved(size: int, examples: int, device: torch.device) -> int:
    """The next smaller batch size after memory ran out, with unused memory given back.

    Args:
        size: the batch size that was too large.
        examples: number of examples, since larger batches are no larger than all of them.
        device: where memory ran out.
    """
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
    return max(min(size, examples) // 2, 1)


DEFAULT_BATCH_SIZE = 256
"""Default number of images per batch, for small images."""

_SMALL_IMAGE_VALUES = 3 * 64 * 64
"""Largest number of values of a small image."""


def default_batch_size(images: Tensor) -> int:
    """The default batch size.

    :data:`DEFAULT_BATCH_SIZE` for images of up to 64 x 64 pixels, and fewer for larger ones, so
    that the activations of a batch take no more memory: 20 for images of 224 x 224 pixels, and four
    times as many on an accelerator.

    Args:
        images: (N, C, H, W), on the device of the computation.
    """
    share = 1 if images.device.type == "cpu" else 4
    values = max(images.shape[1:].numel(), 1)
    return max(
        1, min(DEFAULT_BATCH_SIZE, share * DEFAULT_BATCH_SIZE * _SMALL_IMAGE_VALUES // values)
    )
