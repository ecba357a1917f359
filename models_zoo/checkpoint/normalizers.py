"""Normalization that is saved among a network's weights: ``0.mean``, ``normalizer.new_std``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from models_zoo.errors import InputError, shown
from models_zoo.units import written

_MEANS = frozenset(("mean", "means", "mu", "mus"))
_STDS = frozenset(("std", "stds", "stdev", "stddev", "sigma", "sigmas", "sd"))
_OTHER = frozenset(("running", "target", "log", "weight", "grad", "loss", "feature", "features"))


@dataclass(frozen=True)
class Normalization:
    """The mean subtracted from images and the standard deviation they are divided by.

    Attributes:
        mean: one number, or one per channel.
        std: one number, or one per channel.
        names: of the tensors with these values.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    names: tuple[str, ...]

    def __str__(self) -> str:
        """The values as options of the command line."""
        return f"mean {written(self.mean)}, std {written(self.std)}"


def is_normalizer(name: str, value: Tensor, channels: int) -> bool:
    """Whether a tensor is a mean or standard deviation of images, by its name and size."""
    return _kind(name) is not None and value.numel() in (1, channels) and value.ndim <= 4


def normalization_of(found: Mapping[str, Tensor], source: str) -> Normalization | None:
    """The normalization that tensors describe; ``None`` if there are none.

    Args:
        found: tensors for which :func:`is_normalizer` is true, by name.
        source: name of the file, for messages.

    Raises:
        InputError: they contradict each other, or are in units of 0 to 255.
    """
    parents: dict[str, dict[str, str]] = {}
    for name in found:
        kind = str(_kind(name))
        parents.setdefault(name.rpartition(".")[0], {})[kind] = name
    stated = []
    for names in parents.values():
        mean = _numbers(found[names["mean"]]) if "mean" in names else (0.0,)
        std = _numbers(found[names["std"]]) if "std" in names else (1.0,)
        stated.append(Normalization(mean, std, tuple(sorted(names.values()))))
    if not stated:
        return None
    first = stated[0]
    for other in stated[1:]:
        if not agree(first.mean, other.mean) or not agree(first.std, other.std):
            raise InputError(
                f"{source} holds two normalizations: {shown(first.names[0])} says {first}, "
                f"{shown(other.names[0])} says {other}; save the one that the network uses"
            )
    return Normalization(first.mean, first.std, tuple(sorted(found)))


def agree(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    """Whether numbers are the same up to rounding."""
    few, many = np.broadcast_arrays(np.asarray(one), np.asarray(other))
    return bool(np.allclose(few, many, rtol=2e-3, atol=5e-4))


def _kind(name: str) -> str | None:
    words = set(re.split("[_-]", name.rpartition(".")[2].lower()))
    if words & _OTHER or len(words) > 4:
        return None
    if words & _MEANS:
        return "mean"
    return "std" if words & _STDS else None


def _numbers(value: Tensor) -> tuple[float, ...]:
    """Numbers as they were written: the shortest that are distinct in float32."""
    flat = value.detach().float().flatten().numpy()
    return tuple(float(str(np.float32(each))) for each in flat)
