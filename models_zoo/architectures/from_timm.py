"""Networks of timm by name, never with its pretrained weights."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable
from typing import Any

import timm
from torch import nn

from models_zoo.architectures.arguments import Value
from models_zoo.architectures.shape import Shape
from models_zoo.architectures.sizing import require_size
from models_zoo.errors import InputError, reason_of, shown, unknown_name

LOADING = frozenset(
    (
        "cache_dir",
        "checkpoint_path",
        "pretrained",
        "pretrained_cfg",
        "pretrained_cfg_overlay",
        "pretrained_strict",
        "features_only",
        "num_classes",
        "in_chans",
    )
)
"""Arguments about files, or that are determined by the images and the number of classes."""


def builder(
    name: str, arguments: dict[str, Value], *, classes: int, input_shape: Shape, most: int
) -> Callable[[], nn.Module]:
    """Return a function that builds a network of timm.

    A network that takes images of one size alone is built for those of ``input_shape``.

    Args:
        name: of a model of timm; the tag of its weights after a dot is ignored.
        arguments: of ``timm.create_model``.
        classes: number of logits.
        input_shape: (channels, height, width) of an image.
        most: maximum number of parameters.

    Raises:
        InputError: timm does not know it, or it may not be built with these arguments.
    """
    base = name.partition(".")[0]
    if not timm.is_model(base):
        raise unknown_name("architecture of timm", name, timm.list_models())
    if refused := LOADING & arguments.keys():
        raise InputError(
            f"architecture 'timm:{base}' may not be given {', '.join(sorted(refused))}: weights "
            "come from the checkpoint, classes and channels from the data; leave it out"
        )
    given: dict[str, Any] = {"num_classes": classes, "in_chans": input_shape[0]} | arguments
    if "img_size" not in given and _takes_size(base):
        given["img_size"] = input_shape[1:]

    def build() -> nn.Module:
        try:
            network: nn.Module = timm.create_model(base, pretrained=False, **given)
        except InputError:
            raise
        except (AssertionError, AttributeError, RuntimeError, TypeError, ValueError) as error:
            raise InputError(
                f"timm cannot build {shown(base)} with {shown(_listed(given))} "
                f"({reason_of(error)}); check its arguments"
            ) from error
        return network

    require_size(f"timm:{base}", build, most)
    return build


def _takes_size(base: str) -> bool:
    """Whether a network is made for one size of images, by its configuration and constructor."""
    with warnings.catch_warnings(action="ignore"):
        settings = timm.models.get_pretrained_cfg(base)
        module = inspect.getmodule(timm.models.model_entrypoint(base))
    if settings is not None and not settings.fixed_input_size:
        return False
    return "img_size" in inspect.getsource(module) if module is not None else False


def _listed(arguments: dict[str, Any]) -> str:
    return ",".join(f"{key}={value}" for key, value in arguments.items())
