"""Which of a model's weights move, examined once per model."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Generator, Tensor, nn

from benchmark.roles import Coverage, Roles, covered, trace, undisturbed, unseen
from benchmark.spaces.selection import RULES, select_weights
from models_zoo.errors import InputError

SEED = 0
"""Of the noise image and of the directions that weights are moved in; no score depends on it."""


@dataclass
class WeightsAsked:
    """What a model's tensors are used for, remembered.

    Attributes:
        roles: of its parameters and buffers; the reason where they could not be determined.
        coverages: by rule.
    """

    roles: Roles | str | None = None
    coverages: dict[str, Coverage | str] = field(default_factory=dict)

    def selected(self, model: nn.Module, images: Tensor, rule: str) -> dict[str, Tensor]:
        """As :func:`select_weights`, by what the model does where that can be determined.

        Args:
            model: the same at every call.
            images: (N, C, H, W), of which one is passed forward at the first call.
            rule: a name of :data:`benchmark.spaces.RULES`.

        Raises:
            InputError: an unknown rule, or one that leaves nothing to move.
        """
        roles = self._roles(model, images)
        return select_weights(model, rule, roles if isinstance(roles, Roles) else None)

    def coverage(self, model: nn.Module, images: Tensor, rule: str) -> Coverage | str:
        """How much of what feeds linear maps moves, or why that could not be determined.

        Args:
            model: the same at every call.
            images: (N, C, H, W).
            rule: a name of :data:`benchmark.spaces.RULES`.

        Raises:
            InputError: an unknown rule, or one that leaves nothing to move.
        """
        if rule not in self.coverages:
            self.coverages[rule] = self._covered(model, images, rule)
        return self.coverages[rule]

    def _covered(self, model: nn.Module, images: Tensor, rule: str) -> Coverage | str:
        roles = self._roles(model, images)
        if isinstance(roles, str):
            return roles
        if roles.trace.opaque:
            return f"layers of kind {roles.trace.opaque[0]} do not show their weights"
        try:
            chosen = select_weights(model, rule, roles)
        except InputError:  # an unknown rule is one for the caller; here nothing is left to move
            if not isinstance(rule, str) or rule not in RULES:
                raise
            return covered(roles.trace, {}, frozenset())
        try:
            blind = unseen(model, _shown(images), chosen, Generator().manual_seed(SEED))
        except Exception as error:  # whatever a stranger's model raises when it is differentiated
            return _reason(error)
        return covered(roles.trace, chosen, blind)

    def _roles(self, model: nn.Module, images: Tensor) -> Roles | str:
        if self.roles is None:
            try:
                with torch.no_grad(), undisturbed():
                    model(_shown(images))  # what a model caches at its first call is cached now
                self.roles = Roles(trace(model, _shown(images)))
            except Exception as error:  # operations that cannot be watched; a reason is enough
                self.roles = _reason(error)
        return self.roles


def _shown(images: Tensor) -> Tensor:
    """An image of the data and one of noise, which no weight answers with nothing but zeros."""
    first = images[:1].detach()
    noise = torch.rand(first.shape, generator=Generator().manual_seed(SEED))
    return torch.cat([first, noise.to(first)])


def _reason(error: Exception) -> str:
    first = str(error).strip().splitlines()
    return f"{type(error).__name__}: {first[0][:200]}" if first else type(error).__name__
