"""Architectures by name: a decorator registers a factory, :func:`build_architecture` calls it."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.overrides import TorchFunctionMode

from models_zoo.architectures.arguments import parse_call
from models_zoo.architectures.families import find_family, list_families
from models_zoo.architectures.libraries import LIBRARIES, build_from_library, library_of
from models_zoo.architectures.shape import Shape
from models_zoo.architectures.source_code import build_from_code, is_code
from models_zoo.architectures.spelling import suggestion
from models_zoo.errors import InputError, reason_of, shown

LARGEST = 2_000_000_000
"""Maximum number of parameters of a network that is built: 8 GB of weights."""


class Factory(Protocol):
    """Builds an untrained network from normalized images, or token ids, to logits."""

    def __call__(self, *, classes: int, input_shape: Shape) -> nn.Module:
        """The network for ``classes`` logits and inputs of ``input_shape``."""
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
    """Accepted names that contain no numbers or arguments, sorted.

    :func:`models_zoo.architectures.list_families` returns the forms of the others.
    """
    return sorted(_FACTORIES)


def is_architecture(name: str) -> bool:
    """Whether a name is one of :func:`list_architectures` or of a family of this package."""
    return name in _FACTORIES or find_family(name) is not None


def canonical_name(name: str) -> str:
    """The canonical spelling of an architecture's name, which is stored with scores.

    Raises:
        InputError: its arguments are malformed.
    """
    return name if is_architecture(name) or is_code(name) else str(parse_call(name))


def build_architecture(
    name: str, *, classes: int, input_shape: Shape, trust: bool = False
) -> nn.Module:
    """An untrained network, from images (N, C, H, W) or token ids (N, L) to logits (N, classes).

    Images are normalized outside of it.

    Its initial weights are drawn from torch's global generator.

    Args:
        name: one of :func:`list_architectures`, of a family (``"wrn-40-4"``), of a library
            (``"timm:resnet18"``, ``"torchvision:vgg16"``, ``"robustbench:WideResNet?depth=34"``),
            or, where ``trust`` is set, a function in a file (``"net.py:make"``).
        classes: number of logits, at least 2.
        input_shape: (channels, height, width) of an image, or (length,) of a text.
        trust: whether a file of code may be run.

    Raises:
        InputError: the name is unknown, the network is too large, or it cannot take images of that
            shape.
    """
    skeleton = build_skeleton(name, classes=classes, input_shape=input_shape, trust=trust)
    if not is_architecture(name):
        return skeleton.train()
    return _make(name, classes, input_shape)


def build_skeleton(
    name: str, *, classes: int, input_shape: Shape, trust: bool = False
) -> nn.Module:
    """The network of :func:`build_architecture`, to load weights into.

    It is in eval mode and draws no random numbers. Networks of this package have no storage: they
    are on the ``meta`` device and use no memory. Those of a library or of a file of code are real,
    because buffers that are in no checkpoint are computed when they are built.

    Raises:
        InputError: as :func:`build_architecture`.
    """
    if classes < 2:
        raise InputError(f"a classifier needs at least 2 classes, got {classes}")
    if len(input_shape) not in (1, 3) or min(input_shape) < 1:
        raise InputError(
            f"input shape must be three positive numbers (channels, height, width), or the length "
            f"of texts, got {input_shape}"
        )
    if is_architecture(name):
        return _tried(name, lambda: _without_storage(name, classes, input_shape), input_shape)
    if is_code(name):
        with torch.random.fork_rng(devices=[]):
            make = build_from_code(name, classes=classes, input_shape=input_shape, trust=trust)
            return _tried(name, make, input_shape)
    call = parse_call(name)
    if library_of(call) is None:
        raise _unknown(name)
    with torch.random.fork_rng(devices=[]):
        make = build_from_library(call, classes=classes, input_shape=input_shape, most=LARGEST)
        return _tried(name, make, input_shape)


def _make(name: str, classes: int, input_shape: Shape) -> nn.Module:
    if name in _FACTORIES:
        return _FACTORIES[name](classes=classes, input_shape=input_shape)
    found = find_family(name)
    if found is None:
        raise _unknown(name)
    family, parts = found
    return family.build(parts, classes, input_shape)


def _without_storage(name: str, classes: int, input_shape: Shape) -> nn.Module:
    with torch.device("meta"), _NothingDrawn():
        return _make(name, classes, input_shape)


class _NothingDrawn(TorchFunctionMode):
    """Leaves tensors without storage as they are where normal numbers would be drawn into them.

    PyTorch imports its compiler for that, which takes seconds, as for products with a number.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        named = kwargs or {}
        if func in (Tensor.normal_, nn.init.normal_):
            tensor: Tensor = args[0] if args else named["tensor"]
            if tensor.is_meta:
                return tensor
        return func(*args, **named)


def _tried(name: str, make: Callable[[], nn.Module], input_shape: Shape) -> nn.Module:
    """A network that was built and takes images of that shape."""
    try:
        with warnings.catch_warnings(action="ignore"), torch.no_grad():
            network = make().eval()
            _require_size(name, network)
            _require_shape(network, input_shape)
    except InputError:
        raise
    except Exception as error:  # a library's networks fail in their own ways
        shape = f"texts of {input_shape[0]} token ids ("
        if len(input_shape) == 3:
            shape = f"images of {'x'.join(map(str, input_shape))} (channels x height x width; "
        raise InputError(
            f"architecture {shown(name)} cannot take {shape}{reason_of(error)}); give the shape it "
            "was made for"
        ) from error
    return network


def _require_size(name: str, network: nn.Module) -> None:
    size = sum(each.numel() for each in network.parameters())
    if size > LARGEST:
        raise InputError(
            f"architecture {shown(name)} has {size:,} parameters; at most {LARGEST:,} are built"
        )


def _require_shape(network: nn.Module, input_shape: Shape) -> None:
    """Pass one input of zeros through a network, or none through one without storage.

    PyTorch could run the latter on the ``meta`` device, but imports its compiler for that, which
    takes seconds. An empty batch on the CPU meets the same checks; its weights are zeros that share
    one number.
    """
    tensors = network.state_dict()
    kind = torch.int64 if len(input_shape) == 1 else torch.float32
    if not any(tensor.is_meta for tensor in tensors.values()):
        network(torch.zeros(1, *input_shape, dtype=kind))
        return
    zeros = {
        name: torch.zeros((), dtype=tensor.dtype).expand(tensor.shape)
        for name, tensor in tensors.items()
    }
    functional_call(network, zeros, (torch.zeros(0, *input_shape, dtype=kind),))


def _unknown(name: str) -> InputError:
    forms = [family.form for family in list_families()]
    examples = [family.example for family in list_families()]
    near = suggestion(name, [*_FACTORIES, *examples])
    hint = f"did you mean {near!r}? " if near else ""
    libraries = [f"{library}:NAME" for library in LIBRARIES]
    single = [each for each in _FACTORIES if find_family(each) is None]
    known = ", ".join([*sorted(single), *forms, *libraries])
    return InputError(f"unknown architecture {shown(name)}; {hint}known: {known}")
