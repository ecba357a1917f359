"""The size of a network, before memory is allocated for it."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from models_zoo.errors import InputError, shown

_ALLOCATING = frozenset((torch.empty, torch.zeros, torch.ones, torch.rand, torch.randn, torch.full))
"""Functions that allocate parameters. Steps and indices, whose values constructors read, are not
among them."""


ALLOCATIONS = 100_000
"""Maximum number of tensors of a network; the deepest published ones have some thousands."""


class _TooLargeError(Exception):
    """A constructor exceeded the limit."""


class WithoutStorage(TorchFunctionMode):
    """While this is active, tensors of parameters get no storage, and their sizes are summed.

    Args:
        most: maximum number of allocated values; a constructor that exceeds it is stopped.
    """

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most, self.asked, self.tensors = most, 0, 0

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Call ``func``, on the meta device where it allocates."""
        given = dict(kwargs or {})
        if func in _ALLOCATING and given.get("device") is None:
            given["device"] = "meta"
            made = func(*args, **given)
            self.asked, self.tensors = self.asked + made.numel(), self.tensors + 1
            if self.asked > self.most or self.tensors > ALLOCATIONS:
                raise _TooLargeError
            return made
        return func(*args, **given)


def require_size(name: str, build: Callable[[], nn.Module], most: int) -> None:
    """Check how many parameters a network would have.

    A constructor that computes with its parameters, and so cannot be tried without storage, passes:
    its arguments have limits of their own.

    Args:
        name: of the architecture, for the message.
        build: builds the network.
        most: maximum number of parameters.

    Raises:
        InputError: it has more.
    """
    try:
        with warnings.catch_warnings(action="ignore"), WithoutStorage(most):
            build()
    except _TooLargeError:
        raise InputError(
            f"architecture {shown(name)} has more than {most:,} parameters or "
            f"{ALLOCATIONS:,} tensors, which is too large"
        ) from None
    except InputError:
        raise
    except (NotImplementedError, RuntimeError):
        return
