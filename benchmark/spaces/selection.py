"""Which weight tensors an adversary may move."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase

from models_zoo.errors import InputError, unknown_name

NORMALIZATION = (_NormBase, nn.GroupNorm, nn.LayerNorm, nn.LocalResponseNorm)

RULES: dict[str, Callable[[nn.Module, Tensor], bool]] = {
    "no-normalization": lambda module, _: not isinstance(module, NORMALIZATION),
    "kernels": lambda module, w: w.ndim > 1 and not isinstance(module, NORMALIZATION),
    "all": lambda *_: True,
}
"""``no-normalization``: weights and biases of every layer but the affine parameters of
normalisation layers (Stutz et al. 2021); ``kernels``: tensors of two or more dimensions (AWP, Wu et
al. 2020); ``all``: every parameter."""


def select_weights(model: nn.Module, rule: str = "no-normalization") -> dict[str, Tensor]:
    """The parameter tensors that ``rule`` lets move, by name, detached; shared tensors once.

    Args:
        model: any module; buffers, such as batch norm's running statistics, never move.
        rule: a name of :data:`RULES`.

    Raises:
        InputError: an unknown rule, or one that leaves nothing to move.
    """
    if rule not in RULES:
        raise unknown_name("weight rule", rule, RULES)
    owners = {
        f"{prefix}.{name}" if prefix else name: module
        for prefix, module in model.named_modules()
        for name, _ in module.named_parameters(recurse=False)
    }
    chosen = {
        name: parameter.detach()
        for name, parameter in model.named_parameters()
        if RULES[rule](owners[name], parameter)
    }
    if not chosen:
        raise InputError(f"weight rule {rule!r} leaves no parameter of the model to move")
    return chosen


def by_layer(weights: Iterable[str]) -> dict[str, list[str]]:
    """Parameter names grouped by the module they belong to, in the order they come in.

    Args:
        weights: names such as ``"network.conv1.weight"``.

    Returns:
        Names by module, such as ``"conv1"``: what all modules' names begin with is left out.
    """
    owners: dict[tuple[str, ...], list[str]] = {}
    for name in weights:
        owners.setdefault(tuple(name.split(".")[:-1]), []).append(name)
    shared = 0
    while len(owners) > 1 and len({path[shared : shared + 1] for path in owners}) == 1:
        shared += 1
    return {".".join(path[shared:]) or "network": names for path, names in owners.items()}
