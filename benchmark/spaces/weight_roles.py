"""The roles of a model's weights, determined once per model."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Generator, Tensor, nn

from benchmark.roles import (
    EXAMINATION_SEED,
    Coverage,
    Roles,
    covered,
    examples_of,
    trace,
    undisturbed,
    unseen,
)
from benchmark.spaces.selection import RULES, select_weights
from models_zoo.errors import InputError


@dataclass
class WeightRoles:
    """Cache of the roles of a model's tensors.

    Attributes:
        roles: of its parameters and buffers; the reason, as a string, if they could not be
            determined.
        coverages: by rule.
    """

    roles: Roles | str | None = None
    coverages: dict[str, Coverage | str] = field(default_factory=dict)

    def selected(self, model: nn.Module, inputs: Tensor, rule: str) -> dict[str, Tensor]:
        """As :func:`select_weights`, by the roles if they can be determined.

        Args:
            model: the same at every call.
            inputs: (N, ...), of which some are passed forward at the first call.
            rule: a name of :data:`benchmark.spaces.RULES`.

        Raises:
            InputError: an unknown rule, or one that leaves nothing to move.
        """
        roles = self._roles(model, inputs)
        return select_weights(model, rule, roles if isinstance(roles, Roles) else None)

    def coverage(self, model: nn.Module, inputs: Tensor, rule: str) -> Coverage | str:
        """The share of perturbed operands of linear maps, or why it could not be determined.

        Args:
            model: the same at every call.
            inputs: (N, ...).
            rule: a name of :data:`benchmark.spaces.RULES`.

        Raises:
            InputError: an unknown rule, or one that leaves nothing to move.
        """
        if rule not in self.coverages:
            self.coverages[rule] = self._covered(model, inputs, rule)
        return self.coverages[rule]

    def _covered(self, model: nn.Module, inputs: Tensor, rule: str) -> Coverage | str:
        roles = self._roles(model, inputs)
        if isinstance(roles, str):
            return roles
        if roles.trace.opaque:
            return f"layers of kind {roles.trace.opaque[0]} do not show their weights"
        try:
            chosen = select_weights(model, rule, roles)
        except (
            InputError
        ):  # an unknown rule is an error of the caller; here the rule selects nothing
            if not isinstance(rule, str) or rule not in RULES:
                raise
            return covered(roles.trace, {}, frozenset())
        try:
            zero_gradient = unseen(
                model, examples_of(inputs), chosen, Generator().manual_seed(EXAMINATION_SEED)
            )
        except Exception as error:  # any error of a model when it is differentiated
            return _reason(error)
        return covered(roles.trace, chosen, zero_gradient)

    def _roles(self, model: nn.Module, inputs: Tensor) -> Roles | str:
        if self.roles is None:
            try:
                with torch.no_grad(), undisturbed():
                    model(
                        examples_of(inputs)
                    )  # fills the caches that a model creates at its first call
                self.roles = Roles(trace(model, examples_of(inputs)))
            except Exception as error:  # operations that cannot be traced
                self.roles = _reason(error)
        return self.roles


def _reason(error: Exception) -> str:
    first = str(error).strip().splitlines()
    return f"{type(error).__name__}: {first[0][:200]}" if first else type(error).__name__
