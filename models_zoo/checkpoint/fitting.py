"""Loading named tensors into a network, or reporting exactly why they do not fit."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from models_zoo.checkpoint.arrangement import Arrangement, Asked, arrange
from models_zoo.checkpoint.normalizers import Normalization
from models_zoo.checkpoint.reading import finished
from models_zoo.display import label
from models_zoo.errors import InputError, shown

SHOWN = 3
"""Maximum number of offending keys in a message."""


class MismatchError(InputError):
    """The weights are those of another network."""


@dataclass(frozen=True)
class Fit:
    """How weights were changed to fit a network.

    Attributes:
        notes: what a user should know about it, one line each; empty if all names matched.
        normalization: found among the weights, outside of the network itself.
    """

    notes: tuple[str, ...] = ()
    normalization: Normalization | None = None


def fit_weights(
    network: nn.Module,
    weights: Mapping[str, Tensor],
    *,
    source: str,
    channels: int = 3,
    ordered: bool = False,
) -> Fit:
    """Replace a network's weights.

    If the names are the network's own, they are used unchanged. Otherwise the names of wrappers are
    removed, a normalization saved with the network is read, counters of training frameworks are
    left out, and layers with another usual name are recognized; the return value says so. Batch
    norm's counter of batches, which does not affect predictions, may be missing.

    Args:
        network: may be on the meta device; the given tensors become its own.
        weights: tensors by key, as stored; names and shapes are compared before any tensor is
            converted to float32.
        source: name of the weights in messages, such as ``"checkpoint a.pt"``.
        channels: of an image, which distinguishes means and standard deviations from other tensors.
        ordered: whether the network's layers follow each other without branches, so that layers
            with other names (``0``, ``3``, ``6``) may be matched in order.

    Raises:
        MismatchError: a key is missing or unexpected, or a tensor has another shape.
        InputError: a tensor has another type or is not finite, there are several networks in the
            file, or its normalization is inconsistent.
    """
    expected = network.state_dict()
    unused = tuple(getattr(network, "unused", ()))
    arranged = arrange(weights, Asked(expected, channels, unused, ordered, source))
    _check_names(expected, arranged, source)
    _check_tensors(expected, arranged.weights, source)
    # Numbers are copied only now: there are no more of them than the network has.
    own = {name: finished(value, name, source) for name, value in arranged.weights.items()}
    network.load_state_dict(own, assign=True)
    return Fit(arranged.notes, arranged.normalization)


def matches(
    network: nn.Module, weights: Mapping[str, Tensor], *, channels: int = 3, ordered: bool = False
) -> bool:
    """Whether :func:`fit_weights` would find every name and shape that a network needs.

    Args:
        network: may be on the meta device.
        weights: as for :func:`fit_weights`; their numbers are not read.
        channels: as for :func:`fit_weights`.
        ordered: as for :func:`fit_weights`.
    """
    expected = network.state_dict()
    unused = tuple(getattr(network, "unused", ()))
    try:
        arranged = arrange(weights, Asked(expected, channels, unused, ordered, peek=True))
        _check_names(expected, arranged, "")
        _check_tensors(expected, arranged.weights, "")
    except InputError:
        return False
    return True


def _check_names(expected: Mapping[str, Tensor], arranged: Arrangement, source: str) -> None:
    missing, unexpected = arranged.missing, arranged.unexpected
    if not missing and not unexpected:
        return
    parts = []
    if missing:
        parts.append(f"lacks {_first(missing)}")
    if unexpected:
        parts.append(f"has unexpected {_first(unexpected)}")
    raise MismatchError(f"{source} does not match the architecture: it {' and '.join(parts)}")


def _check_tensors(
    expected: Mapping[str, Tensor], weights: Mapping[str, Tensor], source: str
) -> None:
    wrong = [
        f"{label(name)} is {_shape(value)}, should be {_shape(expected[name])}"
        for name, value in weights.items()
        if value.shape != expected[name].shape
    ]
    if wrong:
        more = f" and {len(wrong) - SHOWN} more" if len(wrong) > SHOWN else ""
        raise MismatchError(
            f"{source} does not match the architecture: {'; '.join(wrong[:SHOWN])}{more}"
        )
    for name, value in weights.items():
        floats = value.is_floating_point() and expected[name].dtype == torch.float32
        if not floats and value.dtype != expected[name].dtype:
            raise InputError(
                f"{source} stores {shown(name)} as {value.dtype}, should be {expected[name].dtype}"
            )


def _first(names: Collection[str]) -> str:
    some = ", ".join(label(name) for name in sorted(names)[:SHOWN])
    return f"{some} and {len(names) - SHOWN} more" if len(names) > SHOWN else some


def _shape(value: Tensor) -> str:
    return "x".join(map(str, value.shape)) or "a scalar"
