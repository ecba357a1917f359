"""What a network is called with to be bounded: an unknown input, of which an enclosure is known.

The network itself runs, with its own code; each operation it applies to the unknown is looked up in
a table of operations with known bounds. What is not in the table is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from benchmark.certificates.affine import Layer
from benchmark.certificates.enclosure import Enclosure
from benchmark.certificates.moving import Moving, UncertifiableError


@dataclass
class Walk:
    """One way through a network.

    Attributes:
        collapse: number of the layer whose input's box becomes a part of its ball; ``None`` for
            none. Interval bounds are the tighter ones for few inputs and small boxes, lengths for
            many and in depth; both are sound wherever one goes over to the other.
        norms: spectral norms known so far, shared by walks of the same network.
        layers: linear layers met so far.
    """

    collapse: int | None = None
    norms: dict[object, float] = field(default_factory=dict)
    layers: int = 0

    def enter(self, enclosure: Enclosure) -> Enclosure:
        """The input of the next linear layer."""
        here, self.layers = self.layers, self.layers + 1
        return enclosure.collapsed() if here == self.collapse else enclosure


class Unknown:
    """Any member of an enclosure, in place of the tensor (N, ...) that a network expects.

    Attributes:
        enclosure: what is known of it.
        walk: what it belongs to.
        source: where it comes straight out of a linear layer on features: that layer, and what
            went into it, so that differences of outputs can be bounded better than outputs.
    """

    def __init__(
        self, enclosure: Enclosure, walk: Walk, source: tuple[Enclosure, Layer] | None = None
    ) -> None:
        self.enclosure, self.walk, self.source = enclosure, walk, source

    @classmethod
    def __torch_function__(
        cls,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Bound a function of PyTorch that is applied to an unknown."""
        from benchmark.certificates.operations import FUNCTIONS  # it is written in terms of this

        if func not in FUNCTIONS:
            raise unsupported(getattr(func, "__name__", str(func)))
        return FUNCTIONS[func](*args, **(kwargs or {}))

    def __getattr__(self, name: str) -> Any:
        """Methods of tensors, by the functions they are."""
        from benchmark.certificates.operations import METHODS

        if name.startswith("__"):
            raise AttributeError(name)
        if name not in METHODS:
            raise unsupported(name)
        return lambda *args, **kwargs: METHODS[name](self, *args, **kwargs)

    def then(self, enclosure: Enclosure) -> Unknown:
        """The result of an operation, with a new enclosure."""
        return Unknown(enclosure, self.walk)

    @property
    def shape(self) -> torch.Size:
        """As of a tensor."""
        return self.enclosure.centre.shape

    @property
    def ndim(self) -> int:
        """As of a tensor."""
        return self.enclosure.centre.ndim

    @property
    def device(self) -> torch.device:
        """As of a tensor."""
        return self.enclosure.centre.device

    @property
    def dtype(self) -> torch.dtype:
        """Type of the tensor it represents; the bounds are in float64."""
        return torch.float32

    def __len__(self) -> int:
        return len(self.enclosure.centre)

    def __getitem__(self, index: Any) -> Unknown:
        parts = index if isinstance(index, tuple) else (index,)
        plain = all(isinstance(part, slice | int | type(None) | type(Ellipsis)) for part in parts)
        if not plain or parts[0] not in (slice(None), Ellipsis):
            raise unsupported("indexing of examples, or by lists")
        return self.then(self.enclosure.rearranged(lambda values: values[index]))

    def __add__(self, other: Any) -> Unknown:
        if isinstance(other, Unknown):
            return self.then(self.enclosure.plus(other.enclosure))
        return self._scaled(1.0, other)

    def __sub__(self, other: Any) -> Unknown:
        return self._scaled(1.0, -self._constant(other))

    def __mul__(self, other: Any) -> Unknown:
        return self._scaled(other, 0.0)

    def __truediv__(self, other: Any) -> Unknown:
        return self._scaled(1.0 / self._constant(other), 0.0)

    __radd__, __rmul__ = __add__, __mul__

    def _scaled(self, scale: Any, shift: Any) -> Unknown:
        return self.then(self.enclosure.scaled(self._constant(scale), self._constant(shift)))

    def _constant(self, value: Any) -> Tensor:
        if isinstance(value, Unknown | Moving):
            raise unsupported("arithmetic of two things that are both unknown")
        constant = torch.as_tensor(value, dtype=torch.float64, device=self.device)
        if constant.ndim >= self.ndim and constant.ndim and constant.shape[0] != 1:
            raise unsupported("arithmetic with a different number for each example")
        return constant


def unsupported(name: str) -> UncertifiableError:
    """The refusal of an operation."""
    return UncertifiableError(f"no bound is known for the operation {name!r} of this network")
