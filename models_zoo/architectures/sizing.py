"""How large a network would be, before memory is taken for it."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from models_zoo.errors import InputError, shown

_ALLOCATING = frozenset((torch.empty, torch.zeros, torch.ones, torch.rand, torch.randn, torch.full))
"""What parameters are made of. Steps and indices, which constructors read numbers from, stay."""


class _WithoutStorage(TorchFunctionMode):
    """Tensors of parameters get no storage while this is active."""

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Call ``func``, on the meta device where it allocates."""
        given = dict(kwargs or {})
        if func in _ALLOCATING and given.get("device") is None:
            given["device"] = "meta"
        return func(*args, **given)


def require_size(name: str, build: Callable[[], nn.Module], most: int) -> None:
    """Check how many parameters a network would have.

    A constructor that computes with its parameters, and so cannot be tried without storage, is
    let through: what it is given is bounded by the limits of arguments.

    Args:
        name: of the architecture, for the message.
        build: makes the network.
        most: parameters that it may have.

    Raises:
        InputError: it has more.
    """
    try:
        with warnings.catch_warnings(action="ignore"), _WithoutStorage():
            size = sum(each.numel() for each in build().parameters())
    except InputError:
        raise
    except (NotImplementedError, RuntimeError):
        return
    if size > most:
        raise InputError(
            f"architecture {shown(name)} has {size:,} parameters; at most {most:,} are built"
        )
