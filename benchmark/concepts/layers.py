"""The layer whose activations a concept is looked for in, of any module."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from benchmark.subject import Subject
from models_zoo.errors import InputError, reason_of, shown, unknown_name

Replace = Callable[[Tensor], Tensor]
"""Called with the output of a layer (B, ...); the model continues with what it returns."""


@dataclass(frozen=True)
class Layer:
    """A module whose output is read.

    Attributes:
        name: as ``named_modules`` has it.
        kind: name of its class.
        width: numbers per image of its output, flattened.
        calls: number of times that the model calls it in one pass.
    """

    name: str
    kind: str
    width: int
    calls: int = 1


def choose_layer(subject: Subject, name: str, above: int) -> Layer:
    """A layer by name, or the last one before the last linear layer that is wide enough.

    The layers that can be chosen are the modules without children, in the order in which the model
    calls them; by name, any module. Their widths are found by passing one image.

    Args:
        subject: model and examples.
        name: of a module; empty for the last one that is wide enough.
        above: the width must be larger.

    Raises:
        InputError: there is no such module, it is called more than once per pass, its output is no
            tensor with one row per image, or it is not wide enough.
    """
    modules = dict(subject.model.named_modules())
    if name and name not in modules:
        raise unknown_name("layer of the model", name, [each for each in modules if each])
    leaves = {each: module for each, module in modules.items() if not any(module.children())}
    called = _called(subject, {name: modules[name]} if name else leaves)
    if name:
        layer = next(iter(called), None)
        if layer is None or layer.calls > 1:
            raise InputError(
                f"layer {shown(name)} is not called exactly once per pass with one row of numbers "
                "per image; name another one"
            )
        if layer.width <= above:
            raise InputError(
                f"layer {shown(name)} has {layer.width} numbers per image, and more than {above} "
                "are needed for these numbers of images and directions; name a wider layer"
            )
        return layer
    if not called:
        raise InputError(
            "the model calls none of its modules in a way that can be seen, so no layer can be "
            "read; pass the module that it was compiled from"
        )
    last = max((n for n, each in enumerate(called) if each.kind == "Linear"), default=-1)
    before = called[:last]  # without a linear layer, all but the one that returns the logits
    fitting = [each for each in before if each.calls == 1 and each.width > above]
    if not fitting:
        widest = max((each.width for each in before if each.calls == 1), default=0)
        raise InputError(
            f"no layer before the last linear one has more than {above} numbers per image, the "
            f"widest {widest}; lower the numbers of images and directions"
        )
    return fitting[-1]


def _called(subject: Subject, modules: dict[str, nn.Module]) -> list[Layer]:
    """The modules that return a tensor with a row per image, in the order of their last calls."""
    found: dict[str, Layer] = {}

    def hook(name: str, kind: str) -> Callable[[nn.Module, Any, Any], None]:
        def note(_: nn.Module, __: Any, output: Any) -> None:
            before = found.pop(name, None)
            if _has_rows(output, 1):
                calls = 1 if before is None else before.calls + 1
                found[name] = Layer(name, kind, math.prod(output.shape[1:]), calls)

        return note

    handles: list[torch.utils.hooks.RemovableHandle] = []
    try:
        try:
            for name, module in modules.items():
                handles.append(module.register_forward_hook(hook(name, type(module).__name__)))
        except Exception as error:  # compiled modules refuse hooks with errors of several types
            raise InputError(
                f"the model's layers cannot be read ({reason_of(error)}); pass the module that it "
                "was compiled from"
            ) from error
        with torch.no_grad():
            subject.forward(subject.images[:1])
    finally:
        for handle in handles:
            handle.remove()
    return list(found.values())


def _has_rows(output: object, count: int) -> bool:
    return (
        isinstance(output, Tensor)
        and output.is_floating_point()
        and output.ndim > 1
        and len(output) == count
    )


@contextmanager
def replaced(subject: Subject, layer: Layer, replace: Replace) -> Iterator[None]:
    """Pass the output of a layer through a function while the context is open.

    Args:
        subject: the model.
        layer: of the model.
        replace: from the output to what the model continues with.
    """
    module = subject.model.get_submodule(layer.name)
    handle = module.register_forward_hook(lambda _, __, output: replace(output))
    try:
        yield
    finally:
        handle.remove()


@torch.no_grad()
def activations(subject: Subject, layer: Layer, images: Tensor) -> Tensor:
    """The flattened output of a layer, float64 (N, d) on the CPU; what is not finite counts as 0.

    Args:
        subject: the model.
        layer: of the model.
        images: (N, C, H, W).
    """
    found: list[Tensor] = []

    def keep(output: Tensor) -> Tensor:
        found.append(flat(output))
        return output

    with replaced(subject, layer, keep):
        for part in torch.split(images, subject.batch_size):
            subject.forward(part.to(subject.images.device))
    return torch.cat(found)


def flat(values: Tensor) -> Tensor:
    """Float64 (B, d) on the CPU, a copy; what is not finite counts as 0."""
    return values.detach().flatten(1).cpu().double().nan_to_num(0.0, 0.0, 0.0)
