"""Image classifiers of torchvision by name, never with its pretrained weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torchvision
from torch import nn

from models_zoo.architectures.arguments import Value
from models_zoo.architectures.shape import Shape
from models_zoo.architectures.sizing import require_size
from models_zoo.errors import InputError, reason_of, shown, unknown_name

LOADING = frozenset(("num_classes", "pretrained", "progress", "weights", "weights_backbone"))
"""Arguments about files, or that are determined by the number of classes."""

AUXILIARY = {"googlenet", "inception_v3"}
"""Networks with further outputs in training; checkpoints without these take aux_logits=false."""


def builder(
    name: str, arguments: dict[str, Value], *, classes: int, input_shape: Shape, most: int
) -> Callable[[], nn.Module]:
    """Return a function that builds a classifier of torchvision.

    Args:
        name: of a classifier of torchvision.
        arguments: of its function.
        classes: number of logits.
        input_shape: (channels, height, width) of an image.
        most: maximum number of parameters.

    Raises:
        InputError: torchvision does not know it, or it may not be built with these arguments.
    """
    known = torchvision.models.list_models(module=torchvision.models)
    if name not in known:
        raise unknown_name("architecture of torchvision", name, known)
    if refused := LOADING & arguments.keys():
        raise InputError(
            f"architecture 'torchvision:{name}' may not be given {', '.join(sorted(refused))}: "
            "weights come from the checkpoint, classes from the data; leave it out"
        )
    given: dict[str, Any] = {"num_classes": classes} | arguments
    if name in AUXILIARY:
        given = {"init_weights": False, "aux_logits": True} | given
    if name.startswith("vit") and "image_size" not in given:
        given["image_size"] = input_shape[1]

    def build() -> nn.Module:
        try:
            network: nn.Module = torchvision.models.get_model(name, weights=None, **given)
        except InputError:
            raise
        except (AssertionError, RuntimeError, TypeError, ValueError) as error:
            listed = ",".join(f"{key}={value}" for key, value in given.items())
            raise InputError(
                f"torchvision cannot build {name!r} with {shown(listed)} ({reason_of(error)}); "
                "check its arguments"
            ) from error
        return network

    require_size(f"torchvision:{name}", build, most)
    return build
