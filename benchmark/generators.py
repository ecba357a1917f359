"""The global random generators, from which a model may draw."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

NUMPY_SEEDS = 1 << 32
"""Number of seeds that NumPy's global generator takes."""


def seed_generators(seed: int, device: torch.device) -> None:
    """Seed the global generators of PyTorch, NumPy and Python.

    Args:
        seed: at least 0, below 2^63.
        device: the one that a model computes on, whose generator is seeded besides the CPU's.
    """
    torch.default_generator.manual_seed(seed)
    # torch.manual_seed formats the stack for each kind of device that is absent: milliseconds.
    if device.type == "cuda":
        torch.cuda.manual_seed(seed)
    elif device.type not in ("cpu", "meta"):
        torch.manual_seed(seed)
    np.random.seed(seed % NUMPY_SEEDS)  # noqa: NPY002
    random.seed(seed)


@contextmanager
def generators_restored(device: torch.device) -> Iterator[None]:
    """Restore the state of the global generators afterwards, also after an error.

    Args:
        device: whose generator is restored besides the CPU's.
    """
    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002
    try:
        with torch.random.fork_rng([device] if device.type == "cuda" else []):
            yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)  # noqa: NPY002
