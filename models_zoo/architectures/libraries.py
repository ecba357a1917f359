"""Architectures of other libraries: ``timm:NAME``, ``torchvision:NAME``, ``robustbench:CLASS``."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from torch import nn

from models_zoo.architectures.arguments import Call
from models_zoo.architectures.shape import Shape
from models_zoo.errors import InputError, shown

LIBRARIES = {
    "robustbench": "models_zoo.architectures.from_robustbench",
    "timm": "models_zoo.architectures.from_timm",
    "torchvision": "models_zoo.architectures.from_torchvision",
}
"""Module that builds the networks, by the prefix before the colon; libraries are imported when
needed."""


def library_of(call: Call) -> str | None:
    """The library at the start of an architecture's name; ``None`` if there is none."""
    library, colon, name = call.name.partition(":")
    return library if colon and name and library in LIBRARIES else None


def build_from_library(
    call: Call, *, classes: int, input_shape: Shape, most: int
) -> Callable[[], nn.Module]:
    """Return a function that builds a network of a library, without pretrained weights.

    Args:
        call: name and arguments; the latter go to the library's own constructor.
        classes: number of logits.
        input_shape: (channels, height, width) of an image.
        most: maximum number of parameters.

    Raises:
        InputError: the library does not know it, or an argument is about files rather than the
            network.
    """
    library, _, name = call.name.partition(":")
    if not name.isascii() or not name.isprintable():
        raise InputError(f"architecture {shown(call.name)} holds characters that no name has")
    module = import_module(LIBRARIES[library])
    build: Callable[[], nn.Module] = module.builder(
        name, dict(call.arguments), classes=classes, input_shape=input_shape, most=most
    )
    return build
