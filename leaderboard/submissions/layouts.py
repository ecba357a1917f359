"""Rearrangements of weights that load into a network and are wrong, turned back.

TensorFlow keeps convolutions as (height, width, in, out), MXNet and TFLite as (out, height, width,
in), and dense layers as (in, out). Copied with ``reshape`` they have the right shape and the wrong
order; a square matrix even loads as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product

from torch import Tensor, nn

Rearrange = Callable[[Tensor], Tensor | None]


@dataclass(frozen=True)
class Layout:
    """A rearrangement of all weights of a network.

    Attributes:
        text: what it does, after "if".
        how: how to convert the weights.
        weights: the rearranged ones, by their names in the network.
    """

    text: str
    how: str
    weights: dict[str, Tensor]


@dataclass(frozen=True)
class _Turn:
    """A rearrangement of the weights of one kind of layer."""

    text: str
    how: str
    turn: Rearrange


def _from_hwio(weight: Tensor) -> Tensor:
    out, into, height, width = weight.shape
    return weight.reshape(height, width, into, out).permute(3, 2, 0, 1)


def _from_ohwi(weight: Tensor) -> Tensor:
    out, into, height, width = weight.shape
    return weight.reshape(out, height, width, into).permute(0, 3, 1, 2)


def _from_iohw(weight: Tensor) -> Tensor:
    out, into, height, width = weight.shape
    return weight.reshape(into, out, height, width).transpose(0, 1)


def _from_matrix(weight: Tensor) -> Tensor:
    out, into = weight.shape
    return weight.reshape(into, out).t()


CONVOLUTIONS = (
    _Turn("convolutions are read as (height, width, in, out)", "permute(3, 2, 0, 1)", _from_hwio),
    _Turn("convolutions are read as (out, height, width, in)", "permute(0, 3, 1, 2)", _from_ohwi),
    _Turn("convolutions are read as (in, out, height, width)", "transpose(0, 1)", _from_iohw),
    _Turn("kernels are transposed", "transpose(2, 3)", lambda weight: weight.transpose(2, 3)),
)
LINEAR = (_Turn("linear layers are read as (in, out)", "linear weights with t()", _from_matrix),)


def layouts(network: nn.Module) -> Iterator[Layout]:
    """All rearrangements that change something, one kind of layer at a time and combined.

    Args:
        network: its weights are not changed.
    """
    convolutions = _weights(network, nn.Conv2d)
    linear = _weights(network, nn.Linear)
    channels = list(convolutions.values())[-1].shape[0] if convolutions else 0
    first = next(iter(linear), None)
    flattened = channels > 1 and first is not None and _pixels(linear[first], channels) > 1
    for conv, dense, last in product(
        (None, *CONVOLUTIONS), (None, *LINEAR), (False, True) if flattened else (False,)
    ):
        weights: dict[str, Tensor] = {}
        texts, how = [], []
        if conv is not None:
            weights |= {name: _whole(conv, value) for name, value in convolutions.items()}
            texts.append(conv.text)
            how.append(f"convolutions with {conv.how}")
        if dense is not None:
            weights |= {name: _whole(dense, value) for name, value in linear.items()}
            texts.append(dense.text)
            how.append(dense.how)
        if last and first is not None:
            weights[first] = _channels_first(weights.get(first, linear[first]), channels)
            texts.append("the first linear layer is read as after a flattening with channels last")
            how.append(
                f"{first} with reshape(out, height, width, {channels}).permute(0, 3, 1, 2)"
                ".flatten(1)"
            )
        own = {**convolutions, **linear}
        changed = {name: value for name, value in weights.items() if not value.equal(own[name])}
        if changed:
            yield Layout(", and ".join(texts), "; ".join(how), changed)


def _whole(turn: _Turn, weight: Tensor) -> Tensor:
    turned = turn.turn(weight)
    usable = turned is not None and turned.shape == weight.shape
    return turned.contiguous() if usable and turned is not None else weight


def _weights(network: nn.Module, kind: type[nn.Module]) -> dict[str, Tensor]:
    """The weights of all layers of a kind, in the order of the network."""
    return {
        name: value.detach()
        for place, layer in network.named_modules()
        if isinstance(layer, kind) and getattr(layer, "groups", 1) == 1
        for name, value in layer.named_parameters(prefix=place, recurse=False)
        if value.ndim > 1  # a bias has no layout
    }


def _pixels(weight: Tensor, channels: int) -> int:
    """Number of pixels that a layer sees of each channel; 0 if it does not follow a flattening."""
    return weight.shape[1] // channels if weight.shape[1] % channels == 0 else 0


def _channels_first(weight: Tensor, channels: int) -> Tensor:
    out, into = weight.shape
    return weight.reshape(out, into // channels, channels).transpose(1, 2).reshape(out, into)
