"""The object that stands for an unknown input of a network, with an enclosure of its value.

The network itself runs, with its own code; each operation it applies to the unknown is looked up in
a table of operations with known bounds. Operations that are not in the table are refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from benchmark.certificates.affine import Layer
from benchmark.certificates.enclosure import Enclosure
from benchmark.certificates.moving import MovingWeight, UncertifiableError
from benchmark.certificates.traversal import Traversal


class Unknown:
    """Any member of an enclosure, in place of a tensor (N, ...).

    Attributes:
        enclosure: the set that contains it.
        traversal: the traversal it is part of.
        source: if it is the output of a linear layer on features, the enclosure of that layer's
            input and the layer, so that differences of outputs can be bounded more tightly.
    """

    def __init__(
        self,
        enclosure: Enclosure,
        traversal: Traversal,
        source: tuple[Enclosure, Layer] | None = None,
    ) -> None:
        self.enclosure, self.traversal, self.source = enclosure, traversal, source

    @classmethod
    def __torch_function__(
        cls,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Bound a PyTorch function that is applied to an unknown."""
        from benchmark.certificates.operations import FUNCTIONS  # that module imports this one

        if func not in FUNCTIONS:
            raise unsupported(getattr(func, "__name__", str(func)))
        return FUNCTIONS[func](*args, **(kwargs or {}))

    def __getattr__(self, name: str) -> Any:
        """Methods of tensors, from the table."""
        from benchmark.certificates.operations import METHODS

        if name.startswith("__"):
            raise AttributeError(name)
        if name not in METHODS:
            raise unsupported(name)
        return lambda *args, **kwargs: METHODS[name](self, *args, **kwargs)

    def then(self, enclosure: Enclosure) -> Unknown:
        """The result of an operation, with a new enclosure."""
        return Unknown(enclosure, self.traversal)

    @property
    def shape(self) -> torch.Size:
        """As of a tensor."""
        return self.enclosure.center.shape

    @property
    def ndim(self) -> int:
        """As of a tensor."""
        return self.enclosure.center.ndim

    @property
    def device(self) -> torch.device:
        """As of a tensor."""
        return self.enclosure.center.device

    @property
    def dtype(self) -> torch.dtype:
        """The type of the tensor it stands for; the bounds are in float64."""
        return torch.float32

    def __len__(self) -> int:
        return len(self.enclosure.center)

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
        if isinstance(value, Unknown | MovingWeight):
            raise unsupported("arithmetic of two things that are both unknown")
        constant = torch.as_tensor(value, dtype=torch.float64, device=self.device)
        if constant.ndim >= self.ndim and constant.ndim and constant.shape[0] != 1:
            raise unsupported("arithmetic with a different number for each example")
        return constant


def unsupported(name: str) -> UncertifiableError:
    """The error for an operation without a known bound."""
    return UncertifiableError(f"no bound is known for the operation {name!r} of this network")
