"""Architectures by name: a decorator registers a factory, :func:`build_architecture` calls it."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Protocol, TypeVar

import torch
from torch import nn

from models_zoo.errors import InputError, unknown_name

Shape = tuple[int, int, int]
"""(channels, height, width) of one image."""


class Factory(Protocol):
    """Makes an untrained network from normalised images to logits."""

    def __call__(self, *, classes: int, input_shape: Shape) -> nn.Module:
        """The network for ``classes`` logits and images of ``input_shape``."""
        ...


F = TypeVar("F", bound=Factory)

_FACTORIES: dict[str, Factory] = {}


def register(name: str) -> Callable[[F], F]:
    """Decorator that adds a factory to the registry under ``name``, which must be new."""

    def add(factory: F) -> F:
        if name in _FACTORIES:
            raise ValueError(f"architecture {name!r} is registered twice")
        _FACTORIES[name] = factory
        return factory

    return add


def list_architectures() -> list[str]:
    """Names that :func:`build_architecture` accepts, sorted."""
    return sorted(_FACTORIES)


def build_architecture(name: str, *, classes: int, input_shape: Shape) -> nn.Module:
    """An untrained network, from normalised images (N, C, H, W) to logits (N, classes).

    Its initial weights are drawn from torch's global generator.

    Args:
        name: one of :func:`list_architectures`.
        classes: number of logits, at least 2.
        input_shape: (channels, height, width) of an image.

    Raises:
        InputError: the name is unknown, or the architecture cannot take images of that shape.
    """
    build_skeleton(name, classes=classes, input_shape=input_shape)  # refuses what does not fit
    return _FACTORIES[name](classes=classes, input_shape=input_shape)


def build_skeleton(name: str, *, classes: int, input_shape: Shape) -> nn.Module:
    """The network of :func:`build_architecture` without storage, for weights to be put into.

    It lives on the ``meta`` device, so it costs no memory and draws no random numbers.

    Raises:
        InputError: as :func:`build_architecture`.
    """
    if name not in _FACTORIES:
        raise unknown_name("architecture", name, _FACTORIES)
    if classes < 2:
        raise InputError(f"a classifier needs at least 2 classes, got {classes}")
    if len(input_shape) != 3 or min(input_shape) < 1:
        raise InputError(
            f"input shape must be three positive numbers (channels, height, width), "
            f"got {input_shape}"
        )
    try:
        with torch.device("meta"), warnings.catch_warnings(action="ignore"):
            network = _FACTORIES[name](classes=classes, input_shape=input_shape).eval()
            network(torch.empty(1, *input_shape))
    except (RuntimeError, ValueError) as error:
        shape = "x".join(map(str, input_shape))
        raise InputError(
            f"architecture {name!r} cannot take images of {shape} (channels x height x width); "
            "give the shape it was made for"
        ) from error
    return network
