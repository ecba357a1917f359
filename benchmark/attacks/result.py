"""The results of attacks."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, fields, replace
from typing import Any, Self

import torch
from torch import Tensor, nn

from benchmark.spaces import Point
from benchmark.threats import Threat
from models_zoo.errors import InputError, shown


@dataclass(frozen=True, repr=False)
class SearchReport:
    """What one search of an attack did.

    Attributes:
        search: its name.
        attacked: bool (N,), examples it was run on.
        broken: bool (N,), those of them that it broke.
        forwards: images passed forward through the model.
        backwards: images passed backward.
        uses_gradients: whether it follows gradients of the model.
    """

    search: str
    attacked: Tensor
    broken: Tensor
    forwards: int = 0
    backwards: int = 0
    uses_gradients: bool = True

    def __repr__(self) -> str:
        """What it broke of what it was run on, on one line."""
        return (
            f"SearchReport({self.search!r}, {int(self.broken.sum()):,} of "
            f"{int(self.attacked.sum()):,} broken)"
        )

    @classmethod
    def of_whole_set(cls, search: str, robust: Tensor, forwards: int, backwards: int) -> Self:
        """The report of a search that perturbs all examples at once.

        Args:
            search: its name.
            robust: bool (N,), examples that it did not break.
            forwards: images passed forward through the model.
            backwards: images passed backward.
        """
        return cls(search, torch.ones_like(robust), ~robust, forwards, backwards)

    @property
    def n_robust(self) -> int:
        """Number of the attacked examples that are still classified correctly."""
        return int((self.attacked & ~self.broken).sum())


@dataclass(frozen=True)
class Candidate:
    """A perturbed point and its outcomes: projected, measured and classified again.

    Attributes:
        weights: perturbed tensors by parameter name; empty for the model's own.
        images: (N, C, H, W), perturbed images.
        robust: bool (N,), examples that are classified correctly at all images that were tried with
            these weights.
    """

    weights: Point
    images: Tensor
    robust: Tensor

    @property
    def n_robust(self) -> int:
        """Number of robust examples."""
        return int(self.robust.sum())


@dataclass(frozen=True, repr=False)
class AttackResult:
    """The verified result of an attack.

    Attributes:
        threat: what the adversary could do.
        robust: bool (N,), examples that are still classified correctly after everything tried.
        images: (N, C, H, W), perturbed images in [0, 1] and inside their balls; the caller's images
            if the threat is on weights alone.
        weights: perturbed tensors by parameter name, inside their ball; empty if the threat is on
            images alone, or if the model's own weights are the worst.
        searches: what each search did and what it cost, in order.
    """

    threat: Threat
    robust: Tensor
    images: Tensor
    weights: Point
    searches: tuple[SearchReport, ...] = ()

    def __repr__(self) -> str:
        """The threat and the number of robust examples, on one line."""
        return (
            f"{type(self).__name__}({self.threat.label!r}, {self.n_robust:,} of "
            f"{len(self.robust):,} robust)"
        )

    @property
    def n_robust(self) -> int:
        """Number of robust examples."""
        return int(self.robust.sum())

    @property
    def passes(self) -> int:
        """Images passed forward or backward through the model by all searches."""
        return sum(each.forwards + each.backwards for each in self.searches)

    @property
    def strongest(self) -> str | None:
        """The first search that left the fewest examples robust; ``None`` if none was run."""
        if not self.searches:
            return None
        return min(self.searches, key=lambda search: search.n_robust).search

    def perturbed(self, model: nn.Module) -> nn.Module:
        """A copy of the attacked model with the perturbed weights.

        Args:
            model: the model that was attacked; it is not changed.

        Raises:
            InputError: it has no tensor of that name and shape.
        """
        copied = deepcopy(model)
        own = dict(copied.named_parameters()) | dict(copied.named_buffers())
        with torch.no_grad():
            for name, tensor in self.weights.items():
                if name not in own or own[name].shape != tensor.shape:
                    raise InputError(
                        f"the model has no tensor {shown(name)} of shape {tuple(tensor.shape)}; "
                        "give the model that was attacked"
                    )
                own[name].copy_(tensor)
        return copied

    def to(self, device: torch.device) -> Self:
        """The same result with every tensor on a device."""
        return replace(
            self, **{each.name: _moved(getattr(self, each.name), device) for each in fields(self)}
        )


def _moved(value: Any, device: torch.device) -> Any:
    """A tensor, or a container of tensors, on a device."""
    if isinstance(value, Tensor):
        return value.to(device)
    if isinstance(value, dict):
        return {name: _moved(each, device) for name, each in value.items()}
    if isinstance(value, tuple):
        return tuple(_moved(each, device) for each in value)
    if isinstance(value, SearchReport):
        attacked, broken = value.attacked.to(device), value.broken.to(device)
        return replace(value, attacked=attacked, broken=broken)
    return value
