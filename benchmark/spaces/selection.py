"""The rules for which weight tensors an adversary may perturb."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase

from benchmark.roles import Roles
from models_zoo.errors import InputError, unknown_name

NORMALIZATION = (_NormBase, nn.GroupNorm, nn.LayerNorm, nn.LocalResponseNorm, nn.RMSNorm)
"""PyTorch's normalization layers."""

NAMED = re.compile(r"(?<!weight)(?<!spectral)(norm|bn)(act)?(\d+d?)?$", re.IGNORECASE)
"""Names of classes that normalize though a forward pass may not show it, such as ``ActNorm``."""


@dataclass(frozen=True)
class _Asked:
    """A tensor that a rule is asked about.

    Attributes:
        name: its name.
        tensor: the tensor.
        normalizes: whether it is the gain or the shift of a normalization.
        roles: roles of the model's tensors.
    """

    name: str
    tensor: Tensor
    normalizes: bool
    roles: Roles | None

    @property
    def embeds(self) -> bool:
        return self.roles is not None and self.name in self.roles.embeddings

    @property
    def in_head(self) -> bool:
        return self.roles is not None and self.name in self.roles.head


RULES: dict[str, Callable[[_Asked], bool]] = {
    "no-normalization": lambda w: not w.normalizes,
    "kernels": lambda w: w.tensor.ndim > 1 and not w.normalizes,
    "all": lambda _: True,
    "no-embedding": lambda w: not w.embeds,
    "embedding": lambda w: w.embeds,
    "head": lambda w: w.in_head,
}
"""``no-normalization``: weights and biases of every layer but the affine parameters of
normalization layers (Stutz et al. 2021); ``kernels``: of these, tensors of two or more dimensions
(AWP, Wu et al. 2020); ``all``: every parameter. Three need the roles: ``no-embedding``: all but the
tables of which inputs choose rows; ``embedding``: these tables; ``head``: the last linear layer."""

BY_ROLE = frozenset(("no-embedding", "embedding", "head"))
"""The rules that need the roles of tensors."""


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
        InputError: an unknown rule, one that selects nothing, or one that needs roles without them.
    """
    if not isinstance(rule, str) or rule not in RULES:
        raise unknown_name("weight rule", rule, RULES)
    if rule in BY_ROLE and roles is None:
        raise InputError(
            f"weight rule {rule!r} needs the roles of the model's tensors, which could not be "
            "determined; choose another rule"
        )
    owners = {
        f"{prefix}.{name}" if prefix else name: module
        for prefix, module in model.named_modules()
        for name, _ in module.named_parameters(recurse=False)
    }
    chosen = {
        name: parameter.detach()
        for name, parameter in model.named_parameters()
        if parameter.is_floating_point()
        and RULES[rule](_Asked(name, parameter, _normalizes(name, owners[name], roles), roles))
    }
    for name, buffer in model.named_buffers():
        if (
            roles is not None
            and name in roles.buffers
            and RULES[rule](_Asked(name, buffer, False, roles))
        ):
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
