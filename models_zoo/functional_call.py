"""Calling a model with other tensors in place of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch.func
from torch import Tensor, nn


def functional_call(model: nn.Module, tensors: Mapping[str, Tensor], args: tuple[Any, ...]) -> Any:
    """As :func:`torch.func.functional_call`, including models that use a module in several places.

    PyTorch's function replaces a tensor of such a module once per place. When it restores them, it
    takes the second original, which is the replacement, for the first, so the model keeps it.

    Args:
        model: not changed.
        tensors: parameters and buffers by name; each replaces the model's own in every module that
            holds the same tensor.
        args: arguments of the model's forward.
    """
    once = dict(model.named_modules())
    if len(once) == sum(1 for _ in model.named_modules(remove_duplicate=False)):
        return torch.func.functional_call(model, dict(tensors), args)
    return torch.func.functional_call(model, _everywhere(model, tensors), args, tie_weights=False)


def _everywhere(model: nn.Module, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors under the name of every module that holds them, each module once."""
    owners = dict(model.named_modules(remove_duplicate=False))
    first = {id(module): name for name, module in reversed(owners.items())}
    held: dict[int, list[str]] = {}
    for name, module in model.named_modules():
        for local, tensor in (*module._parameters.items(), *module._buffers.items()):
            if tensor is not None:
                held.setdefault(id(tensor), []).append(f"{name}.{local}" if name else local)
    found: dict[str, Tensor] = {}
    for given, tensor in tensors.items():
        path, _, local = given.rpartition(".")
        owner = owners[path]
        own = getattr(owner, local)
        name = f"{first[id(owner)]}.{local}".removeprefix(".")
        found |= dict.fromkeys(held.get(id(own), [name]), tensor)
    return found
