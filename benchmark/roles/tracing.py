"""Traces one forward pass: which tensors are operands of linear maps, and which normalize."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode, _disable_current_modes
from torch.utils.weak import WeakIdKeyDictionary

from benchmark.roles.propagation import Propagation
from benchmark.roles.values import PLAIN, Leaf, Operand, Value, merged
from models_zoo.functional_call import functional_call

KNOWN_NAMESPACES = frozenset(("aten", "prims", "prim", "profiler", "_c10d_functional"))
"""Namespaces of operations with known operands."""

UNPACKERS = (
    *("linear_unpack", "linear_unpack_fp16", "conv2d_unpack", "conv1d_unpack", "conv3d_unpack"),
    *("conv_transpose1d_unpack", "conv_transpose2d_unpack", "conv_transpose3d_unpack"),
    "embedding_bag_unpack",
)


@dataclass(frozen=True)
class Trace:
    """How one forward pass used its tensors.

    Attributes:
        leaves: the tensors at its start, in order of first use.
        operands: the constants by which its linear maps multiply activations.
        normalizing: names of parameters that scale or shift a normalized activation.
        elementwise: names of parameters that scale or shift any activation.
        opaque: kinds of packed layers whose weights could not be counted.
        tables: names of parameters whose rows are chosen by numbers that depend on the inputs.
        last: the operand of the last linear map; ``None`` if there is none.
    """

    leaves: tuple[Leaf, ...]
    operands: tuple[Operand, ...]
    normalizing: frozenset[str]
    elementwise: frozenset[str]
    opaque: tuple[str, ...] = ()
    tables: frozenset[str] = frozenset()
    last: Operand | None = None


def trace(model: nn.Module, images: Tensor) -> Trace:
    """Trace a forward pass with copies of all parameters and buffers.

    Copies in place of the tensors show what can be replaced by name: a weight that the model has
    cached, or keeps elsewhere, is a constant. The model and the global generators are not changed.

    Args:
        model: any module that takes the images.
        images: a few of them.
    """
    copies = {
        name: copy_of(tensor, requires_grad=kind == "parameter")
        for kind, name, tensor in named_tensors(model)
    }
    known: list[tuple[Tensor, Leaf | None]] = [
        (copies[name], leaf_of(kind, name, copies[name])) for kind, name, _ in named_tensors(model)
    ]
    pixels = images.detach().clone()
    watching = _Watching([*known, (pixels, None)])
    with torch.inference_mode(False), torch.enable_grad(), undisturbed(), watching:
        functional_call(model, copies, (pixels,))
    found = watching.propagation
    return Trace(
        leaves=tuple(found.leaves),
        operands=tuple(found.operands),
        normalizing=_names(found, found.normalizing),
        elementwise=_names(found, found.elementwise),
        opaque=tuple(sorted(watching.opaque)),
        tables=_names(found, found.tables),
        last=found.last,
    )


@contextmanager
def undisturbed() -> Iterator[None]:
    """Restore the global generators, and run compiled models operation by operation."""
    devices = range(torch.cuda.device_count()) if torch.cuda.is_available() else ()
    stance: AbstractContextManager[Any] = nullcontext()
    if "torch._dynamo" in sys.modules:  # the attribute imports it, which takes seconds
        stance = torch.compiler.set_stance("force_eager")
    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002
    try:
        with torch.random.fork_rng(devices), stance:
            yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)  # noqa: NPY002


def named_tensors(model: nn.Module) -> Iterator[tuple[str, str, Tensor]]:
    """Kind, name and tensor of every parameter and buffer, shared ones once."""
    for name, parameter in model.named_parameters():
        yield "parameter", name, parameter
    for name, buffer in model.named_buffers():
        yield "buffer", name, buffer


def leaf_of(kind: Any, name: str, tensor: Tensor) -> Leaf:
    """The description of a tensor that a forward pass starts with."""
    return Leaf(
        kind=kind,
        name=name,
        shape=tuple(tensor.shape),
        floating=tensor.is_floating_point(),
        numbers=tensor.numel() if kind == "parameter" else _numbers(tensor),
    )


def _names(found: Propagation, leaves: set[int]) -> frozenset[str]:
    return frozenset(found.leaves[leaf].name for leaf in leaves)


def copy_of(tensor: Tensor, *, requires_grad: bool) -> Tensor:
    """A detached copy that requires gradients if requested and if its type supports them."""
    able = tensor.is_floating_point() or tensor.is_complex()
    return tensor.detach().clone().requires_grad_(requires_grad and able)


def _numbers(tensor: Tensor) -> int:
    """Number of independent entries of a constant: 0 for a mask; equal numbers count once."""
    if tensor.layout != torch.strided or tensor.is_meta:
        return tensor.numel()
    if tensor.is_quantized:
        return tensor.numel()
    own = tensor[tuple(slice(0, 1) if step == 0 else slice(None) for step in tensor.stride())]
    if own.numel() == 0 or own.dtype == torch.bool:
        return 0
    first = own.flatten()[0]
    if bool((own == first).all()):
        return int(own.numel() > 1 or own.is_floating_point())
    if bool(((own == 0) | (own == 1)).all()):
        return 0
    for dim, size in enumerate(own.shape):  # the same filter for every channel counts once
        if size > 1 and bool((own == own.narrow(dim, 0, 1)).all()):
            own = own.narrow(dim, 0, 1)
    return own.numel()


class _Watching(TorchDispatchMode):  # type: ignore[no-untyped-call, unused-ignore]
    """Intercepts every operation below autograd, whether called by Python, TorchScript or fx."""

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Nothing is compiled inside, and PyTorch's own check would take seconds."""
        return False

    def __init__(self, known: Sequence[tuple[Tensor, Leaf | None]]) -> None:
        super().__init__()  # type: ignore[no-untyped-call, unused-ignore]
        self.propagation = Propagation()
        self.clock = 0
        self.values: Any = WeakIdKeyDictionary()
        self.storages: dict[Any, tuple[int, Value]] = {}
        self.packed: dict[int, Tensor | None] = {}
        self.opaque: set[str] = set()
        self.kept: list[Any] = [tensor for tensor, _ in known]
        for tensor, leaf in known:
            self._learn(tensor, PLAIN if leaf is None else self.propagation.leaf(leaf))

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Run the operation and propagate the origins of its operands."""
        named = kwargs or {}
        given = [self._given(each) for each in _flat((*args, *named.values()))]
        out = func(*args, **named)
        self.clock += 1
        name = str(func._schema.name).partition("::")[2].rstrip("_")
        foreign = func.namespace not in KNOWN_NAMESPACES
        owned = {_storage(each) for each, _ in given if isinstance(each, Tensor)}
        for each in _flat((out,)):
            if isinstance(each, Tensor):
                value = self.propagation.through(name, foreign, given, each)
                self._learn(each, value, fresh=_storage(each) not in owned)
        if func._schema.is_mutable:
            self._written(func, args, named, name, foreign, given)
        return out

    def _written(
        self,
        func: Any,
        args: Sequence[Any],
        named: Mapping[str, Any],
        name: str,
        foreign: bool,
        given: Sequence[tuple[Any, Value | None]],
    ) -> None:
        """Tensors to which an operation has written, and all that share memory with them."""
        for place, argument in enumerate(func._schema.arguments):
            if argument.alias_info is None or not argument.alias_info.is_write:
                continue
            held = args[place] if place < len(args) else named.get(argument.name)
            for tensor in (each for each in _flat((held,)) if isinstance(each, Tensor)):
                value = self.propagation.through(name, foreign, given, tensor)
                storage = _storage(tensor)
                before = self.storages.get(storage, (0, value))[1]
                whole = tensor.untyped_storage().nbytes() <= tensor.numel() * tensor.itemsize
                if not whole:
                    value = PLAIN if value.moved or before.moved else merged([before, value])
                self.storages[storage] = (self.clock, value)
                self.values[tensor] = (self.clock, value)

    def _given(self, operand: Any) -> tuple[Any, Value | None]:
        """An operand with its description; for a packed layer, that of its weight."""
        if isinstance(operand, torch.ScriptObject):
            if id(operand) not in self.packed:
                with _disable_current_modes():
                    weight = unpacked(operand)
                self.packed[id(operand)] = weight
                self.kept.append(operand)
                if weight is None:
                    self.opaque.add(str(operand._type()))
            operand = self.packed[id(operand)]
        return operand, self._value(operand) if isinstance(operand, Tensor) else None

    def _learn(self, tensor: Tensor, value: Value, *, fresh: bool = True) -> None:
        self.values[tensor] = (self.clock, value)
        if fresh:
            self.storages[_storage(tensor)] = (0, value)

    def _value(self, tensor: Tensor) -> Value:
        """The description of a tensor; an unknown one is a constant of the model."""
        storage = self.storages.get(_storage(tensor))
        if tensor in self.values:
            clock, value = self.values[tensor]
            if storage is None or storage[0] <= clock:
                return value  # type: ignore[no-any-return]
        if storage is not None:
            return storage[1]
        with _disable_current_modes():
            leaf = leaf_of("constant", "", tensor)
        self.kept.append(tensor)
        value = self.propagation.leaf(leaf)
        self._learn(tensor, value)
        return value


def unpacked(layer: Any) -> Tensor | None:
    """The weight of a packed layer, such as a quantized one; ``None`` for others."""
    for name in UNPACKERS:
        try:
            weight, *_ = getattr(torch.ops.quantized, name)(layer)
        except (RuntimeError, AttributeError, TypeError, ValueError):
            continue
        if isinstance(weight, Tensor):
            return weight
    return None


def _storage(tensor: Tensor) -> Any:
    """A key of a tensor's memory, which is not reused while the key exists."""
    try:
        return StorageWeakRef(tensor.untyped_storage())  # type: ignore[no-untyped-call, unused-ignore]
    except (RuntimeError, NotImplementedError):  # sparse and opaque tensors have none
        return id(tensor)


def _flat(given: Any) -> Iterator[Any]:
    """Operands in order; lists of tensors are flattened, lists of numbers are not."""
    for each in given:
        if isinstance(each, (list, tuple)) and any(isinstance(one, Tensor) for one in each):
            yield from _flat(each)
        else:
            yield each
