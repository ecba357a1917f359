"""The rules for which weight tensors an adversary may perturb."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase

from benchmark.roles import Roles
from models_zoo.errors import InputError, unknown_name

NORMALIZATION = (_NormBase, nn.GroupNorm, nn.LayerNorm, nn.LocalResponseNorm, nn.RMSNorm)
"""PyTorch's normalization layers."""

NAMED = re.compile(r"(?<!weight)(?<!spectral)(norm|bn)(act)?(\d+d?)?$", re.IGNORECASE)
"""Names of classes that normalize though a forward pass may not show it, such as ``ActNorm``."""

RULES: dict[str, Callable[[Tensor, bool], bool]] = {
    "no-normalization": lambda _, normalizes: not normalizes,
    "kernels": lambda w, normalizes: w.ndim > 1 and not normalizes,
    "all": lambda *_: True,
}
"""``no-normalization``: weights and biases of every layer but the affine parameters of
normalization layers (Stutz et al. 2021); ``kernels``: of these, tensors of two or more dimensions
(AWP, Wu et al. 2020); ``all``: every parameter."""


def select_weights(
    model: nn.Module, rule: str = "no-normalization", roles: Roles | None = None
) -> dict[str, Tensor]:
    """The tensors that ``rule`` selects, by name, detached; shared tensors once.

    Normalization is recognized by the types of PyTorch's own layers, or, with ``roles``, by a
    forward pass: the gain and the shift of a normalized activation belong to a normalization,
    whatever module holds them. With ``roles`` buffers that are operands of linear maps are selected
    as well.

    Args:
        model: any module; its other buffers, such as batch norm's running statistics, are never
            selected.
        rule: a name of :data:`RULES`.
        roles: roles of the model's tensors.

    Raises:
        InputError: an unknown rule, or one that selects nothing.
    """
    if not isinstance(rule, str) or rule not in RULES:
        raise unknown_name("weight rule", rule, RULES)
    owners = {
        f"{prefix}.{name}" if prefix else name: module
        for prefix, module in model.named_modules()
        for name, _ in module.named_parameters(recurse=False)
    }
    chosen = {
        name: parameter.detach()
        for name, parameter in model.named_parameters()
        if parameter.is_floating_point()
        and RULES[rule](parameter, _normalizes(name, owners[name], roles))
    }
    for name, buffer in model.named_buffers():
        if roles is not None and name in roles.buffers and RULES[rule](buffer, False):
            chosen[name] = buffer.detach()
    if not chosen:
        raise InputError(f"weight rule {rule!r} selects no parameter of the model")
    return chosen


def _normalizes(name: str, owner: nn.Module, roles: Roles | None) -> bool:
    """Whether a parameter is the gain or the shift of a normalization."""
    if roles is None:
        return isinstance(owner, NORMALIZATION)
    if name in roles.kernels:
        return False
    named = NAMED.search(type(owner).__name__) is not None and name in roles.elementwise
    return isinstance(owner, NORMALIZATION) or name in roles.normalizing or named


def by_layer(weights: Iterable[str]) -> dict[str, list[str]]:
    """Parameter names grouped by the module they belong to, in order.

    Args:
        weights: names such as ``"network.conv1.weight"``.

    Returns:
        Names by module, such as ``"conv1"``, without the common prefix of all modules.
    """
    owners: dict[tuple[str, ...], list[str]] = {}
    for name in weights:
        owners.setdefault(tuple(name.split(".")[:-1]), []).append(name)
    shared = 0
    while len(owners) > 1 and len({path[shared : shared + 1] for path in owners}) == 1:
        shared += 1
    return {".".join(path[shared:]) or "network": names for path, names in owners.items()}
