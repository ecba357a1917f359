"""Memory limits for foreign networks: the size of an operation's results is known before it runs.

Every operation of PyTorch is first run on the ``meta`` device, where nothing is computed or
allocated, to find the shapes of its results. A graph of a few hundred bytes can request terabytes
(a constant of a given shape, a repetition, padding, a product), so the sizes it states are not
trusted.
"""

from __future__ import annotations

import weakref
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map_only

from models_zoo.checkpoint.content import size_limit
from models_zoo.errors import InputError, shown

MEMORY = 2**30
"""Default for the bytes that a network may hold at once while it is examined: 1 GiB."""

VARIABLE = "NONSINGULAR_NETWORK_BYTES"
"""Environment variable with another limit, such as ``8GB``."""

WORK = 2 * 10**12
"""Maximum floating-point operations of products and convolutions while it is examined."""


class Bounded(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Limits the memory and the work of all operations inside the block.

    Args:
        memory: maximum total bytes of the tensors that were created inside it and are still held.
        work: maximum floating-point operations of products and convolutions, by default
            :data:`WORK`.
    """

    def __init__(self, memory: int, work: int = WORK) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._left = memory
        self._memory = memory
        self._work = work

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if any(each.alias_info is not None for each in func._schema.returns):
            return func(*args, **kwargs)  # a view, or in place
        self._check(func, args, kwargs)
        results = func(*args, **kwargs)
        for each in _tensors(results):
            self._hold(each)
        return results

    def _check(self, func: Any, args: Any, kwargs: Any) -> None:
        sizes = _tensors(_shapes(func, args, kwargs))
        needed = sum(each.numel() * each.element_size() for each in sizes)
        if needed > self._left:
            raise InputError(
                f"needs more than the {self._memory / 2**30:.3g} GiB that a network may hold while "
                f"it is examined ({shown(func.overloadpacket.__name__)} makes {needed} bytes)"
            )
        self._work -= _products(func, args, sizes)
        if self._work < 0:
            raise InputError("needs more arithmetic for an image than any network that is scored")

    def _hold(self, made: Tensor) -> None:
        storage = made.untyped_storage()
        self._left -= storage.nbytes()
        weakref.finalize(storage, self._release, storage.nbytes()).atexit = False

    def _release(self, size: int) -> None:
        self._left += size


def memory_limit() -> int:
    """Bytes that a network may hold while it is examined.

    Raises:
        InputError: :data:`VARIABLE` is not a size.
    """
    return size_limit(MEMORY, VARIABLE)


def _shapes(func: Any, args: Any, kwargs: Any) -> Any:
    """The results of an operation on the ``meta`` device."""

    def empty(given: Tensor) -> Tensor:
        return torch.empty_strided(
            given.size(), given.stride(), dtype=given.dtype, device=torch.device("meta")
        )

    name = func.overloadpacket.__name__
    if name == "nonzero":
        return torch.empty(args[0].numel(), args[0].ndim, dtype=torch.int64, device="meta")
    if name == "_local_scalar_dense":
        return None
    args, kwargs = tree_map_only(Tensor, empty, (args, kwargs))
    if kwargs.get("device") is not None or not _tensors((args, kwargs)):
        kwargs = kwargs | {"device": torch.device("meta")}
    try:
        return func(*args, **kwargs)
    except (NotImplementedError, TypeError):  # depends on values; not larger than the input
        return None


def _products(func: Any, args: Any, results: list[Tensor]) -> int:
    """Floating-point operations of a product or a convolution."""
    name = func.overloadpacket.__name__
    if not results or name not in ("mm", "bmm", "addmm", "baddbmm", "convolution"):
        return 0
    if name == "convolution":
        weight, transposed = args[1], args[6]
        given = args[0] if transposed else results[0]
        return int(2 * given.numel() * weight[0].numel())
    first = args[1] if name in ("addmm", "baddbmm") else args[0]
    return int(2 * results[0].numel() * first.shape[-1])


def _tensors(values: Any) -> list[Tensor]:
    return [each for each in tree_leaves(values) if isinstance(each, Tensor)]
